package pineconeemu

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// match is one result of a query; values and metadata are nil unless they were asked for.
type match struct {
	id       string
	score    float32
	values   []float32
	metadata *structpb.Struct
}

func (x *index) query(ctx context.Context, request proto.Message) (proto.Message, error) {
	f, err := x.checkQuery(request)
	if err != nil {
		return nil, err
	}
	r := request.(queryRequest)
	matches, indexed := x.namespace(namespaceOf(request)).search(r, f)
	matches = x.corrupt(matches, request)
	response := newAnswer("QueryResponse").set("namespace", namespaceOf(request))
	for _, m := range matches {
		entry := response.add("matches").set("score", m.score)
		entry.setRecord(m.id, m.values, m.metadata)
	}
	response.setUsage(1)
	if size := proto.Size(response.message()); size > maxAnswerBytes && x.emulator.malice.Load() == 0 {
		return nil, invalid("The result of the query is %d bytes, which exceeds the limit of %d bytes", size, maxAnswerBytes)
	}
	return response.message(), setLSN(ctx, maxIndexedLSN, indexed)
}

// checkQuery also understands the filter.
func (x *index) checkQuery(request proto.Message) (filter, error) {
	r := request.(queryRequest)
	most := maxTopK
	if r.GetIncludeValues() || r.GetIncludeMetadata() {
		most = maxTopKWithData
	}
	switch {
	case r.GetTopK() < 1 || r.GetTopK() > uint32(most):
		return nil, invalid("top_k must be between 1 and %d, got %d", most, r.GetTopK())
	case has(request, "queries"):
		return nil, invalid("Queries with several vectors are no longer supported")
	case has(request, "sparse_vector"):
		return nil, invalid("Cannot query a dense index with the cosine metric with a sparse vector")
	case (r.GetId() != "") == (r.GetVector() != nil):
		return nil, invalid("Exactly one of vector and id must be given to query")
	case r.GetId() != "":
		if err := checkID(r.GetId()); err != nil {
			return nil, err
		}
	default:
		if err := checkValues(r.GetVector(), x.definition.Dimension); err != nil {
			return nil, err
		}
	}
	return parseFilter(r.GetFilter())
}

// search answers a query from the visible records. An absent id or namespace matches nothing.
func (n *namespace) search(r queryRequest, f filter) (matches []match, indexed uint64) {
	indexed = n.read(func(t *table) {
		query := r.GetVector()
		if r.GetId() != "" {
			stored, ok := t.get(r.GetId())
			if !ok {
				return
			}
			query = stored.values
		}
		for _, best := range t.nearest(query, int(r.GetTopK()), f) {
			m := match{id: t.ids[best.row], score: best.score}
			if r.GetIncludeValues() {
				m.values = slices.Clone(t.values(best.row))
			}
			if r.GetIncludeMetadata() {
				m.metadata = t.metadata[best.row]
			}
			matches = append(matches, m)
		}
	})
	return matches, indexed
}
