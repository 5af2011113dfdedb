package pineconeemu

import (
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const support = "or contact Pinecone Support (https://app.pinecone.io/organizations/-/settings/support/ticket) to request a higher limit."

// pace is one of the service's limits on requests a second, as a share of Config.RateLimit (which stands for 100):
// https://docs.pinecone.io/reference/api/database-limits/rate-limits.
type pace struct {
	kind     string
	percent  int
	perIndex bool // for the whole index, not for each namespace
}

const (
	byNamespace = "Request failed. You've reached the %s QPS limit for namespace %s (%d QPS). Pace your requests, " + support
	byIndex     = "Request failed. You've reached the max %s requests per second for index %s (%d). Pace your requests, " + support
)

var (
	paces = map[string]pace{
		"Query":              {kind: "query", percent: 100},
		"Upsert":             {kind: "upsert", percent: 100},
		"Delete":             {kind: "delete", percent: 100},
		"Update":             {kind: "update", percent: 100},
		"Fetch":              {kind: "fetch", percent: 100, perIndex: true},
		"FetchByMetadata":    {kind: "fetch", percent: 100, perIndex: true},
		"List":               {kind: "list", percent: 200, perIndex: true},
		"DescribeIndexStats": {kind: "describe_index_stats", percent: 100, perIndex: true},
	}
	// writes by filter have a smaller limit, beside that of their method
	byFilter = map[string]pace{
		"Delete": {kind: "delete by metadata", percent: 5},
		"Update": {kind: "update by metadata", percent: 5},
	}
)

// checkPace takes a request from the limits it counts against.
func (x *index) checkPace(method, namespace string, filtered bool) error {
	if p, ok := paces[method]; ok {
		if err := x.take(p, namespace); err != nil {
			return err
		}
	}
	if p, ok := byFilter[method]; ok && filtered {
		return x.take(p, namespace)
	}
	return nil
}

func (x *index) take(p pace, namespace string) error {
	if x.emulator.cfg.RateLimit < 0 {
		return nil
	}
	limit := max(1, x.emulator.cfg.RateLimit*p.percent/100)
	key, format, scope := p.kind+"/"+canonical(namespace), byNamespace, canonical(namespace)
	if p.perIndex {
		key, format, scope = p.kind, byIndex, x.definition.Name
	}
	x.mu.Lock()
	limiter := x.limiters[key]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(limit), limit)
		x.limiters[key] = limiter
	}
	x.mu.Unlock()
	if limiter.Allow() {
		return nil
	}
	return status.Errorf(codes.ResourceExhausted, format, p.kind, scope, limit)
}
