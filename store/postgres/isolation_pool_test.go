package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"lindero/internal/storefixture"
	"lindero/store"
	"lindero/tenant"
)

// TestHandleWithoutTenant knocks at both doors to a tenant's rows with no tenant.
func TestHandleWithoutTenant(t *testing.T) {
	t.Parallel()
	v := newVictim(t, storefixture.New(t))
	nobody := v.Store.ForTenant(tenant.ID{})
	if list, err := nobody.Collections(t.Context(), store.Page{Limit: 10}); err == nil || len(list.Items) > 0 {
		t.Errorf("read %+v, %v", list, err)
	}
	if _, _, err := nobody.PutCollection(t.Context(), v.Collection.CollectionSpec); err == nil {
		t.Error("wrote")
	}
}

// TestPoliciesCheckWrites has a tenant write rows that would be another's.
func TestPoliciesCheckWrites(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	v, intruder := newVictim(t, f), f.Tenant(t, storefixture.External)
	for _, statement := range []string{
		`INSERT INTO lexical_deleted (tenant_id, collection_id, ordinal, tokens) VALUES ('` + v.ID.String() + `', '` + v.Collection.ID.String() + `', 1, 1)`,
		`UPDATE collections SET tenant_id = '` + v.ID.String() + `'`,
	} {
		if err := f.TryExec(intruder.ID, statement); err == nil {
			t.Errorf("the intruder could %s", statement)
		}
	}
}

// TestPoolNeverMixesTenants has many tenants share few connections at once.
func TestPoolNeverMixesTenants(t *testing.T) {
	t.Parallel()
	const tenants, rounds = 100, 10
	f := storefixture.New(t)
	errs := make(chan error, tenants)
	for i := range tenants {
		one := f.Tenant(t, storefixture.External)
		go func() {
			errs <- func() error {
				mine := fmt.Sprintf("tenant %d", i)
				spec := one.Collection.CollectionSpec
				spec.Description = mine
				for range rounds {
					if _, _, err := one.Handle.PutCollection(t.Context(), spec); err != nil {
						return err
					}
					list, err := one.Handle.Collections(t.Context(), store.Page{Limit: 10})
					if err != nil || len(list.Items) != 1 || list.Items[0].Description != mine || list.Items[0].ID != one.Collection.ID {
						return fmt.Errorf("%s sees %+v: %w", mine, list.Items, err)
					}
				}
				return nil
			}()
		}()
	}
	deadline := time.After(time.Minute)
	for range tenants {
		select {
		case err := <-errs:
			if err != nil {
				t.Error(err)
			}
		case <-deadline:
			t.Fatal("the tenants are not done")
		}
	}
}
