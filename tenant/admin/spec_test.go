package admin

import (
	"encoding/json"
	"strings"
	"testing"

	"lindero/fault"
	"lindero/tenant"
)

func TestSpecValidate(t *testing.T) {
	t.Parallel()
	good := Spec{Slug: "acme"}.withDefaults()
	if err := good.Validate(); err != nil || good.Name != "acme" || good.Plan != tenant.PlanTrial || string(good.Settings) != "{}" {
		t.Errorf("%+v: %v", good, err)
	}
	for location, spoil := range map[string]func(*Spec){
		"body.slug":                      func(s *Spec) { s.Slug = "admin" },
		"body.name":                      func(s *Spec) { s.Name = "a\nb" },
		"body.plan":                      func(s *Spec) { s.Plan = "gold" },
		"body.region":                    func(s *Spec) { s.Region = strings.Repeat("x", 65) },
		"body.settings":                  func(s *Spec) { s.Settings = json.RawMessage(`[]`) },
		"body.settings.recall_objective": func(s *Spec) { s.Settings = json.RawMessage(`{"recall_objective":1.5}`) },
		"body.features":                  func(s *Spec) { s.Features = json.RawMessage(`null`) },
		"body.metadata":                  func(s *Spec) { s.Metadata = json.RawMessage(`{"a":"\u0000"}`) },
	} {
		bad := good
		spoil(&bad)
		f, ok := bad.Validate().(*fault.Error)
		if !ok || f.Code != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Location != location {
			t.Errorf("%s: got %v", location, bad.Validate())
		}
	}
}

func TestSlugs(t *testing.T) {
	t.Parallel()
	for slug, good := range map[string]bool{
		"acme": true, "a1": true, "0-x": true, strings.Repeat("a", 63): true,
		"": false, "a": false, "-a": false, "Acme": false, "a_b": false, "docs": false, strings.Repeat("a", 64): false, "é1": false,
	} {
		if err := tenant.ValidateSlug(slug); (err == nil) != good {
			t.Errorf("%q: %v", slug, err)
		}
	}
}
