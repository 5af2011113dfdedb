package tenant

import (
	"strings"
	"testing"
	"time"

	"lindero/fault"
)

func TestKeySpecValidate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	later := now.Add(time.Hour)
	for name, c := range map[string]struct {
		spec     KeySpec
		location string // empty: fine
	}{
		"fine":          {KeySpec{Name: "laptop", Role: Reader, ExpiresAt: &later}, ""},
		"no name":       {KeySpec{Name: " ", Role: Reader}, "body.name"},
		"control":       {KeySpec{Name: "a\x00", Role: Reader}, "body.name"},
		"long":          {KeySpec{Name: strings.Repeat("ñ", 201), Role: Reader}, "body.name"},
		"invalid UTF-8": {KeySpec{Name: "\xff", Role: Reader}, "body.name"},
		"no role":       {KeySpec{Name: "a"}, "body.role"},
		"unknown role":  {KeySpec{Name: "a", Role: "root"}, "body.role"},
		"in the past":   {KeySpec{Name: "a", Role: Admin, ExpiresAt: &now}, "body.expires_at"},
	} {
		err := c.spec.Validate(now)
		f, _ := err.(*fault.Error)
		if (err == nil) != (c.location == "") || f != nil && f.Fields[0].Location != c.location {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	roles := []Role{"", Reader, Writer, Admin}
	for have, r := range roles {
		for want, wanted := range roles[1:] {
			if r.Allows(wanted) != (have >= want+1) {
				t.Errorf("%q allows %q: %v", r, wanted, r.Allows(wanted))
			}
		}
	}
}
