package demo_test

import (
	"strings"
	"testing"

	"lindero/internal/demo"
)

// Each company has enough to say, and no document of one mentions another: a leak would be seen by its name.
func TestDocumentsNameTheirCompanyOnly(t *testing.T) {
	t.Parallel()
	names := map[string]string{"chogar": "cobijo", "amovil": "ámbar", "afijo": "ancla"}
	if len(names) != len(demo.Tenants) {
		t.Fatalf("%d tenants, %d names", len(demo.Tenants), len(names))
	}
	for _, company := range demo.Tenants {
		documents, err := demo.Documents(company.Slug)
		if err != nil {
			t.Fatal(err)
		}
		if len(documents) < 12 {
			t.Errorf("%s has %d documents", company.Slug, len(documents))
		}
		for _, d := range documents {
			text := strings.ToLower(string(d.Content))
			for slug, name := range names {
				if slug != company.Slug && strings.Contains(text, name) {
					t.Errorf("%s/%s mentions %s", company.Slug, d.ID, name)
				}
			}
		}
	}
}
