package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/schollz/progressbar/v3"

	"lindero/store"
	"lindero/store/crosstenant"
	"lindero/store/pinecone"
	"lindero/store/postgres"
	"lindero/tenant"
	"lindero/tenant/admin"
)

// doctorPinecone are the flags of lindero doctor --backend pinecone.
type doctorPinecone struct {
	PlatformURL string `env:"LINDERO_PLATFORM_DATABASE_URL" help:"Database, as the role lindero_platform, which lists the tenants; for --backend (${env})."`
	Tenant      string `help:"With --backend: look at this tenant alone, by id or slug."`
	Fix         bool   `help:"With --backend: have what a namespace lacks sent again and what is not on record deleted. Namespaces of nobody are left to you."`
}

// manyTenants is from how many on a bar shows how far the doctor is.
const manyTenants = 20

// reconcile compares every tenant's namespaces with its record.
func (d *doctorCommand) reconcile(c *console, config serverConfig, s *postgres.Store) error {
	if d.PlatformURL == "" {
		return usageError{"LINDERO_PLATFORM_DATABASE_URL is not set; the tenants are listed as the role lindero_platform"}
	}
	if config.Vectors.PineconeKey == "" {
		return usageError{"PINECONE_API_KEY is not set; without it there is nothing to compare with"}
	}
	backend, err := config.Vectors.open(config.Log)
	if err != nil {
		return err
	}
	defer func() { _ = backend.Close() }()
	platform, err := crosstenant.Open(c.ctx, crosstenant.Config{URL: d.PlatformURL, MaxConns: 2, Secret: config.Secret})
	if err != nil {
		return err
	}
	defer platform.Close()
	r := &reconciler{backend: backend, store: s, platform: platform, fix: d.Fix}
	report, err := r.run(c, d.Tenant)
	if err != nil {
		return err
	}
	if err := d.printReconciliation(c, report); err != nil {
		return err
	}
	if !report.OK {
		return errUnwell
	}
	return nil
}

// reconciler is one run.
type reconciler struct {
	backend  *pinecone.Backend
	store    *postgres.Store
	platform *crosstenant.Platform
	fix      bool
}

func (r *reconciler) run(c *console, only string) (reconciliation, error) {
	report := reconciliation{Compared: []comparison{}, Strangers: []stranger{}, Failed: []uncompared{}, Fixed: r.fix}
	var tenants []tenant.Tenant
	if only != "" {
		t, err := r.platform.Tenant(c.ctx, only)
		if err != nil {
			return report, err
		}
		tenants = append(tenants, t)
	} else {
		var err error
		if tenants, report.Strangers, err = r.strangers(c.ctx); err != nil {
			return report, err
		}
	}
	bar := progressbar.DefaultSilent(int64(len(tenants)))
	if len(tenants) >= manyTenants && isTerminal(c.err) {
		bar = progressbar.NewOptions(len(tenants), progressbar.OptionSetWriter(c.err), progressbar.OptionShowCount(),
			progressbar.OptionSetDescription("comparing tenants"), progressbar.OptionClearOnFinish())
	}
	for _, t := range tenants {
		if err := c.ctx.Err(); err != nil {
			return report, errors.Join(errInterrupted, err)
		}
		r.compare(c.ctx, t, &report)
		_ = bar.Add(1)
	}
	_ = bar.Exit()
	report.OK = len(report.Strangers)+len(report.Failed) == 0 &&
		!slices.ContainsFunc(report.Compared, func(one comparison) bool { return !one.OK() })
	return report, nil
}

// compare adds one tenant to the report. One that is being deleted or is leaving is not looked into: its namespaces
// go as a whole.
func (r *reconciler) compare(ctx context.Context, t tenant.Tenant, report *reconciliation) {
	if t.State == tenant.Deleting || t.Vectors != store.Pinecone {
		return
	}
	report.Tenants++
	found, err := r.backend.Reconcile(ctx, t.ID, r.store.ForTenant(t.ID), r.fix)
	for _, differences := range found {
		report.Compared = append(report.Compared, comparison{Tenant: t.Slug, ID: t.ID.String(), Differences: differences})
	}
	if err != nil {
		report.Failed = append(report.Failed, uncompared{Tenant: t.Slug, Error: err.Error()})
	}
}

// strangers lists the namespaces that no tenant accounts for, and all tenants. The tenants are read after the
// namespaces, so that a new tenant's is nobody's at no time; and what looks like nobody's is looked for once more,
// because its tenant may just have been deleted.
func (r *reconciler) strangers(ctx context.Context) ([]tenant.Tenant, []stranger, error) {
	listed, err := r.backend.Namespaces(ctx)
	if err != nil {
		return nil, nil, err
	}
	tenants, err := r.tenants(ctx)
	if err != nil {
		return nil, nil, err
	}
	reasons := map[string]string{}
	known := map[string]tenant.Tenant{}
	for _, t := range tenants {
		known[t.ID.String()] = t
	}
	for _, id := range listed {
		t, exists := known[id]
		reason := ""
		if !exists {
			reason = "no tenant of this deployment has it"
		} else if reason, err = r.unaccounted(ctx, t); err != nil {
			return nil, nil, err
		}
		if reason != "" {
			reasons[id] = reason
		}
	}
	found := []stranger{}
	if len(reasons) == 0 {
		return tenants, found, nil
	}
	again, err := r.backend.Namespaces(ctx)
	for _, id := range again {
		if reason := reasons[id]; reason != "" {
			found = append(found, stranger{Namespace: pinecone.NamespacePrefix + id, Reason: reason})
		}
	}
	return tenants, found, err
}

// unaccounted says why a tenant's namespace should not be there; nothing when it should, or when it is about to go.
func (r *reconciler) unaccounted(ctx context.Context, t tenant.Tenant) (string, error) {
	if t.Vectors == store.Pinecone || t.State == tenant.Deleting {
		return "", nil
	}
	onRecord, err := r.store.ForTenant(t.ID).VectorNamespaces(ctx)
	if err != nil || len(onRecord) > 0 {
		return "", err
	}
	return fmt.Sprintf("tenant %s is on pgvector and has no namespace on record", t.Slug), nil
}

// tenantsPage is how many tenants are read at once.
const tenantsPage = 1000

func (r *reconciler) tenants(ctx context.Context) (all []tenant.Tenant, err error) {
	page := store.Page{Limit: tenantsPage}
	for {
		listing, err := r.platform.Tenants(ctx, admin.Filter{}, page)
		if err != nil {
			return nil, err
		}
		all = append(all, listing.Items...)
		if listing.Next == "" {
			return all, nil
		}
		page.After = listing.Next
	}
}
