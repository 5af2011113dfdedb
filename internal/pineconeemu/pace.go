package pineconeemu

import (
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

const support = "or contact Pinecone Support (https://app.pinecone.io/organizations/-/settings/support/ticket) to request a higher limit."

// pace is one of the service's limits a second, when Config.RateLimit is 100; the others are in proportion:
// https://docs.pinecone.io/reference/api/database-limits/rate-limits.
type pace struct {
	kind     string
	limit    int
	perIndex bool // for the whole index, not for each namespace
	// amount is how much a request takes; 0 is nothing of this limit. Without it every request takes one.
	amount func(request proto.Message) int
	// largest is what a single request may take however small the limit, or it would wait for ever.
	largest int
}

// Texts of refusals, of limits a namespace or an index: those of requests name the limit, those of what is in them do not.
const (
	requestsByNamespace = "Request failed. You've reached the %s QPS limit for namespace %s (%d QPS). Pace your requests, " + support
	requestsByIndex     = "Request failed. You've reached the max %s requests per second for index %s (%d). Pace your requests, " + support
	contentsByNamespace = "Request failed. You've reached the max %s per second for namespace %s (%d). Pace your requests, " + support
	contentsByIndex     = "Request failed. You've reached the max %s per second for index %s (%d). Pace your requests, " + support
)

// upsertBytes is 50 MB, in the stricter reading.
const upsertBytes = 50_000_000

var paces = map[string][]pace{
	"Query":  {{kind: "query", limit: 100}},
	"Upsert": {{kind: "upsert", limit: 100}, {kind: "upsert size limit", limit: upsertBytes, amount: proto.Size, largest: maxUpsertBytes}},
	"Delete": {
		{kind: "delete", limit: 100},
		{kind: "delete records", limit: 5000, amount: recordsDeleted, largest: maxIDs},
		{kind: "delete records", limit: 5000, amount: recordsDeleted, largest: maxIDs, perIndex: true},
		{kind: "delete by metadata requests", limit: 5, amount: isFiltered, largest: 1},
		{kind: "delete by metadata requests", limit: 500, amount: isFiltered, largest: 1, perIndex: true},
	},
	"Update": {
		{kind: "update", limit: 100},
		{kind: "update by metadata requests", limit: 5, amount: isFiltered, largest: 1},
		{kind: "update by metadata requests", limit: 500, amount: isFiltered, largest: 1, perIndex: true},
	},
	"Fetch":              {{kind: "fetch", limit: 100, perIndex: true}},
	"FetchByMetadata":    {{kind: "fetch", limit: 100, perIndex: true}},
	"List":               {{kind: "list", limit: 200, perIndex: true}},
	"DescribeIndexStats": {{kind: "describe_index_stats", limit: 100, perIndex: true}},
}

func recordsDeleted(request proto.Message) int { return len(request.(fetchRequest).GetIds()) }

// isFiltered is 1 for requests that select by metadata.
func isFiltered(request proto.Message) int {
	if request.(interface{ GetFilter() *structpb.Struct }).GetFilter() != nil {
		return 1
	}
	return 0
}

// checkPace takes a request from the limits it counts against.
func (x *index) checkPace(method, namespace string, request proto.Message) error {
	if x.emulator.cfg.RateLimit < 0 {
		return nil
	}
	for _, p := range paces[method] {
		if err := x.take(p, canonical(namespace), request); err != nil {
			return err
		}
	}
	return nil
}

func (x *index) take(p pace, namespace string, request proto.Message) error {
	amount, format, scope := 1, requestsByNamespace, namespace
	if p.perIndex {
		format, scope = requestsByIndex, x.definition.Name
	}
	if p.amount != nil {
		amount, format = p.amount(request), contentsByNamespace
		if p.perIndex {
			format = contentsByIndex
		}
	}
	if amount == 0 {
		return nil
	}
	limit := max(1, x.emulator.cfg.RateLimit*p.limit/100)
	if !x.limiter(p, scope, limit).AllowN(x.emulator.cfg.now(), amount) {
		return status.Errorf(codes.ResourceExhausted, format, p.kind, scope, limit)
	}
	return nil
}

// limited is what a limiter is for: a kind of limit and the namespace or index that it holds for.
type limited struct {
	kind, scope string
	perIndex    bool
}

// limiter is the one of a limit in its scope.
func (x *index) limiter(p pace, scope string, limit int) *rate.Limiter {
	x.mu.Lock()
	defer x.mu.Unlock()
	at := limited{p.kind, scope, p.perIndex}
	limiter := x.limiters[at]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(limit), max(limit, p.largest))
		x.limiters[at] = limiter
	}
	return limiter
}
