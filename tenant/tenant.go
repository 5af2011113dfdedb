// Package tenant holds the nouns of tenancy: who a tenant is, what state and plan it has, what its keys may do.
// It imports nothing of ours but the errors.
package tenant

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"lindero/fault"
	"lindero/tenant/internal/identity"
)

// ID names one tenant. Only packages below lindero/tenant can make one (wall 1 of the design):
// auth from a credential, admin for an operator, systemtenant for background work.
type ID = identity.ID

// State says what a tenant may do.
type State string

// The states of a tenant. Trial and Active serve; Suspended refuses every call; Deleting is on its way out.
const (
	Trial     State = "trial"
	Active    State = "active"
	Suspended State = "suspended"
	Deleting  State = "deleting"
)

// Plan is the commercial plan; its limits are the plan's own matter.
type Plan string

// The plans there are.
const (
	PlanTrial      Plan = "trial"
	PlanBusiness   Plan = "business"
	PlanEnterprise Plan = "enterprise"
)

// Role is what a key may do. Each role includes the ones before it: reader, writer, admin.
type Role string

// The roles of a key.
const (
	Reader Role = "reader" // search, answers, get
	Writer Role = "writer" // and documents
	Admin  Role = "admin"  // and collections, keys, settings of its own tenant
)

// Allows reports whether a key of role r may do what needs role wanted.
func (r Role) Allows(wanted Role) bool { return r.rank() > 0 && r.rank() >= wanted.rank() }

func (r Role) rank() int { return slices.Index([]Role{Reader, Writer, Admin}, r) + 1 }

// Valid reports whether r is one of the roles there are.
func (r Role) Valid() bool { return r.rank() > 0 }

// Tenant is one customer of the deployment.
type Tenant struct {
	ID          ID
	Slug        string
	Name        string
	Plan        Plan
	State       State
	Settings    json.RawMessage // JSON object
	Features    json.RawMessage // JSON object
	Limits      json.RawMessage // JSON object
	Metadata    json.RawMessage // JSON object
	Region      string
	Vectors     string // backend of its vector searches: pgvector or pinecone
	TrialEndsAt *time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Key is an API key as it may be shown; the secret is shown once, when the key is made.
type Key struct {
	ID         string
	Name       string
	Role       Role
	ExpiresAt  *time.Time
	RevokedAt  *time.Time
	LastUsedAt *time.Time
	CreatedAt  time.Time
}

// Receipt proves that a tenant's data is gone.
type Receipt struct {
	TenantID  string           `json:"tenant_id"`
	Slug      string           `json:"slug"`
	DeletedAt time.Time        `json:"deleted_at"`
	Removed   map[string]int64 `json:"removed"`  // rows removed, by table
	Verified  bool             `json:"verified"` // a count after the removal found nothing
}

var slugPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,62}$`)

var reservedSlugs = []string{"www", "api", "admin", "app", "static", "docs"}

// ValidateSlug refuses a slug that breaks the contract's pattern or is reserved.
func ValidateSlug(slug string) error {
	if !slugPattern.MatchString(slug) {
		return fault.InvalidField("body.slug", slug, "must be 2 to 63 characters of a-z, 0-9 and -, starting with a letter or digit")
	}
	if slices.Contains(reservedSlugs, slug) {
		return fault.InvalidField("body.slug", slug, "is reserved; choose another")
	}
	return nil
}
