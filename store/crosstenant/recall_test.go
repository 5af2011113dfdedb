package crosstenant_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"lindero/store"
	"lindero/tenant"
	"lindero/tenant/admin"
)

func TestRecallBelowTheObjectiveIsAnAlertAndAMetric(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	strict, err := f.Create(t.Context(), admin.Spec{Slug: "strict", Plan: "business", Settings: json.RawMessage(`{"recall_objective": 0.999}`)})
	if err != nil {
		t.Fatal(err)
	}
	easy := f.create(t, "easy")
	for _, id := range []tenant.ID{strict.ID, easy.ID} {
		h := f.store.ForTenant(id)
		c, err := h.Collection(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		if err := h.RecordRecall(t.Context(), c.ID, store.RecallMeasurement{Recall: .99, Queries: 40, TopK: 10, EfSearch: 60}); err != nil {
			t.Fatal(err)
		}
	}
	alerts, err := f.Alerts(t.Context())
	if err != nil || len(alerts) != 1 {
		t.Fatalf("%+v, %v", alerts, err)
	}
	a := alerts[0]
	if a.Kind != admin.RecallBelowObjective || a.Tenant != "strict" || a.TenantID != strict.ID.String() || a.Collection != "default" ||
		a.Since.IsZero() || !strings.Contains(a.Detail, "0.990") {
		t.Errorf("%+v", a)
	}
	want := `
# HELP lindero_recall Recall of a collection's index as last measured on the tenant's own data.
# TYPE lindero_recall gauge
lindero_recall{collection="default",tenant="` + easy.ID.String() + `"} 0.99
lindero_recall{collection="default",tenant="` + strict.ID.String() + `"} 0.99
`
	if err := testutil.CollectAndCompare(f.platform.Collector(slog.New(slog.DiscardHandler)), strings.NewReader(want), "lindero_recall"); err != nil {
		t.Error(err)
	}
}
