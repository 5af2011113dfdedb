package admin

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"lindero/fault"
	"lindero/tenant"
)

const (
	maxRegionBytes = 64
)

// Spec is what an operator says of a new tenant.
type Spec struct {
	Slug     string
	Name     string      // empty: the slug
	Plan     tenant.Plan // empty: trial
	Settings json.RawMessage
	Features json.RawMessage
	Metadata json.RawMessage
	Region   string
	Vectors  string // backend of its vector searches; empty: the deployment's
}

func (s Spec) withDefaults() Spec {
	if s.Name == "" {
		s.Name = s.Slug
	}
	if s.Plan == "" {
		s.Plan = tenant.PlanTrial
	}
	s.Settings, s.Features, s.Metadata = object(s.Settings), object(s.Features), object(s.Metadata)
	return s
}

// Validate refuses a spec that breaks a rule, as a fault.Invalid with the field's location.
func (s Spec) Validate() error {
	if err := tenant.ValidateSlug(s.Slug); err != nil {
		return err
	}
	return Patch{
		Name: &s.Name, Plan: &s.Plan, Region: &s.Region, Settings: s.Settings, Features: s.Features, Metadata: s.Metadata,
	}.Validate()
}

// Patch changes a tenant. Nil leaves a field as it is.
type Patch struct {
	Name     *string
	Plan     *tenant.Plan
	Region   *string
	Settings json.RawMessage
	Features json.RawMessage
	Metadata json.RawMessage
	Limits   json.RawMessage
}

// Validate refuses a patch that breaks a rule, as a fault.Invalid with the field's location.
func (p Patch) Validate() error {
	if p.Name != nil {
		if err := tenant.ValidateName("body.name", *p.Name); err != nil {
			return err
		}
	}
	if p.Plan != nil && !validPlan(*p.Plan) {
		return fault.InvalidField("body.plan", nil, "must be trial, business or enterprise")
	}
	if p.Region != nil && (len(*p.Region) > maxRegionBytes || !utf8.ValidString(*p.Region) || strings.ContainsFunc(*p.Region, unicode.IsControl)) {
		return fault.InvalidField("body.region", nil, "must have at most %d bytes and no control characters", maxRegionBytes)
	}
	for _, o := range []struct {
		location string
		raw      json.RawMessage
	}{
		{"body.features", p.Features}, {"body.metadata", p.Metadata},
	} {
		if o.raw == nil {
			continue
		}
		if err := tenant.ValidateObject(o.location, o.raw); err != nil {
			return err
		}
	}
	if p.Limits != nil {
		if err := tenant.ValidateLimits("body", p.Limits); err != nil { // a body of its own
			return err
		}
	}
	if _, err := tenant.DedicatedWorkers(p.Features); err != nil {
		return err
	}
	if p.Settings == nil {
		return nil
	}
	return tenant.ValidateSettings("body.settings", p.Settings)
}

// Places reports whether the patch may change how the tenant's documents are worked off.
func (p Patch) Places() bool { return p.Plan != nil || p.Features != nil || p.Limits != nil }

func (f Filter) validate() error {
	if f.Plan != "" && !validPlan(f.Plan) {
		return fault.InvalidField("query.plan", nil, "must be trial, business or enterprise")
	}
	if f.State != "" && !slices.Contains([]tenant.State{tenant.Trial, tenant.Active, tenant.Suspended, tenant.Deleting}, f.State) {
		return fault.InvalidField("query.state", nil, "must be trial, active, suspended or deleting")
	}
	return nil
}

func validPlan(p tenant.Plan) bool {
	return slices.Contains(tenant.Plans(), p)
}
