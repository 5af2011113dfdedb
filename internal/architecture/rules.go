// Package architecture holds the directions in which Lindero's packages may import each other, and the test that
// keeps them: cmd → api, ingest/jobs, store/* → search, ingest → embed, tenant, fault. The rules in
// .golangci.yml say the same to editors, for direct imports; this test follows the imports' imports too.
package architecture

import (
	"slices"
	"strings"
)

// rule forbids packages matching From to depend on packages matching Never, save those matching Except.
// A pattern is an import path; with a trailing /... it covers everything below too.
type rule struct {
	From   []string
	Never  []string
	Except []string
	Why    string
}

// ours is every package of this module.
const ours = "lindero/..."

var backends = []string{"lindero/store/postgres/...", "lindero/store/pinecone/...", "lindero/store/crosstenant/..."}

var outermost = []string{"lindero/cmd/...", "lindero/api/...", "lindero/ingest/jobs/..."}

var drivers = []string{"github.com/jackc/pgx/v5/...", "database/sql", "github.com/pinecone-io/go-pinecone/...", "github.com/riverqueue/river/..."}

var webFrameworks = []string{"github.com/gin-gonic/gin/...", "github.com/danielgtaylor/huma/v2/..."}

// rules hold for packages without their tests, and for imports of imports.
var rules = []rule{
	{From: []string{"lindero/fault"}, Never: []string{ours}, Why: "every package speaks the error vocabulary, so it depends on none"},
	{From: []string{"lindero/client/..."}, Never: []string{ours}, Except: []string{"lindero/client/..."},
		Why: "the Go SDK is built into other people's programs: it knows the HTTP contract only"},
	{From: []string{"lindero/tenant"}, Never: []string{ours}, Except: []string{"lindero/fault", "lindero/tenant/internal/..."},
		Why: "domain nouns import nothing of ours but the errors"},
	{From: []string{"lindero/ingest/extract/...", "lindero/ingest/chunk/...", "lindero/search/lexical/...", "lindero/search/fusion/...", "lindero/store/filter/..."},
		Never: append([]string{"lindero/store", "lindero/tenant/..."}, slices.Concat(backends, outermost, drivers)...),
		Why:   "extraction, chunking, BM25, fusion and filters are pure functions, tested without a database"},
	{From: []string{"lindero/embed/..."}, Never: slices.Concat([]string{"lindero/search", "lindero/ingest", "lindero/store/..."}, outermost, drivers),
		Why: "embedding is below search and ingestion"},
	{From: []string{"lindero/search/..."}, Never: slices.Concat([]string{"lindero/ingest"}, backends, outermost, drivers),
		Why: "search declares the storage it needs and never imports a backend"},
	{From: []string{"lindero/ingest"}, Never: slices.Concat([]string{"lindero/search"}, backends, outermost, drivers),
		Why: "ingestion declares the storage it needs and never imports a backend; ingest/jobs brings the two together"},
	{From: []string{"lindero/webhook"}, Never: slices.Concat([]string{"lindero/search", "lindero/ingest", "lindero/tenant/..."}, backends, outermost, drivers, webFrameworks),
		Why: "what webhooks are told, and where, is decided without storage; ingest/jobs brings the two together"},
	{From: []string{"lindero/store/..."}, Never: slices.Concat(outermost, webFrameworks),
		Why: "storage knows neither transport nor workers"},
	{From: []string{"lindero/store"}, Never: slices.Concat([]string{"lindero/search", "lindero/ingest"}, backends, drivers),
		Why: "storage's nouns do not know the backends"},
	{From: []string{"lindero/tenant/...", "lindero/search/...", "lindero/ingest/...", "lindero/embed/..."}, Never: webFrameworks,
		Why: "business rules know nothing of transport"},
	{From: []string{ours}, Never: []string{"lindero/cmd/..."}, Except: []string{"lindero/cmd/..."}, Why: "nothing depends on the program"},
}

// direct rules hold for a package's own imports only.
var direct = []rule{
	{From: []string{"lindero/api/..."}, Never: drivers, Why: "handlers contain no SQL: they call what storage offers"},
	{From: []string{"lindero/api/..."}, Never: []string{"lindero/store/crosstenant/..."}, Why: "operators' work goes through tenant/admin"},
}

// allowed lists who may import a package that crosses tenants or makes tenant IDs, tests included, and why.
// Think twice before adding a line: each is a way around wall 1.
var allowed = map[string]map[string]string{
	"lindero/tenant/systemtenant": {
		"lindero/ingest/jobs":       "the queue's jobs carry the tenant that enqueued them",
		"lindero/store/crosstenant": "the platform role's query answers an operator with the tenant it found",
	},
	"lindero/store/crosstenant": {
		"lindero/api":               "its tests wire the operators' plane; a rule for direct imports keeps it out of the handlers",
		"lindero/cmd/lindero":       "opens the platform role's connection for tenant/admin",
		"lindero/store/crosstenant": "its own tests",
	},
}

// testOnly packages appear in tests, in each other, and nowhere in the product.
var testOnly = []string{
	"lindero/internal/pgtest", "lindero/internal/storefixture", "lindero/internal/evaldata", "lindero/internal/systemtest",
	"lindero/tenant/tenanttest", "lindero/store/storetest",
}

// maySeeTestOnly are the commands that serve tests.
var maySeeTestOnly = append([]string{"lindero/internal/pgtest/cmd/withpg"}, testOnly...)

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if root, below := strings.CutSuffix(p, "/..."); below {
			return path == root || strings.HasPrefix(path, root+"/")
		}
		return path == p
	})
}

// breaks reports whether r forbids from to depend on to.
func (r rule) breaks(from, to string) bool {
	return from != to && matches(r.From, from) && matches(r.Never, to) && !matches(r.Except, to)
}
