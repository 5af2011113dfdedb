package pineconeemu

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"sort"
	"strings"

	"google.golang.org/protobuf/proto"
)

func (x *index) fetch(ctx context.Context, request proto.Message) (proto.Message, error) {
	ids := request.(fetchRequest).GetIds()
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	response := newAnswer("FetchResponse").set("namespace", namespaceOf(request))
	indexed := x.namespace(namespaceOf(request)).read(func(t *table) { addVectors(response, t, ids) })
	response.setUsage((len(ids) + 9) / 10)
	return response.message(), setLSN(ctx, maxIndexedLSN, indexed)
}

// addVectors fills the answer's map with the records that are there.
func addVectors(response answer, t *table, ids []string) {
	for _, id := range ids {
		if v, ok := t.get(id); ok {
			response.entry("vectors", id).setRecord(v.id, v.values, v.metadata)
		}
	}
}

func (x *index) fetchByMetadata(ctx context.Context, request proto.Message) (proto.Message, error) {
	r := request.(fetchByMetadataRequest)
	f, err := parseSelection(r.GetFilter())
	if err != nil {
		return nil, err
	}
	p, err := parsePage("", r.GetLimit(), maxIDs, r.GetPaginationToken())
	if err != nil {
		return nil, err
	}
	response := newAnswer("FetchByMetadataResponse").set("namespace", namespaceOf(request))
	indexed := x.namespace(namespaceOf(request)).read(func(t *table) {
		ids, next := p.of(t.matching(f))
		addVectors(response, t, ids)
		response.setNext(next)
		response.setUsage((len(ids) + 9) / 10)
	})
	return response.message(), setLSN(ctx, maxIndexedLSN, indexed)
}

func (x *index) list(ctx context.Context, request proto.Message) (proto.Message, error) {
	r := request.(pageRequest)
	p, err := parsePage(r.GetPrefix(), r.GetLimit(), maxPage, r.GetPaginationToken())
	if err != nil {
		return nil, err
	}
	ids, next, indexed := x.namespace(namespaceOf(request)).page(p)
	response := newAnswer("ListResponse").set("namespace", namespaceOf(request))
	for _, id := range ids {
		response.add("vectors").set("id", id)
	}
	response.setNext(next)
	response.setUsage(1)
	return response.message(), setLSN(ctx, maxIndexedLSN, indexed)
}

func (n *namespace) page(p page) (ids []string, next string, indexed uint64) {
	n.settleDue()
	n.mu.Lock()
	defer n.mu.Unlock()
	ids, next = p.of(n.records.sortedIDs())
	return ids, next, n.indexed
}

// page is a piece of an ordered list of names.
type page struct {
	prefix string
	limit  int
	after  string // the last name of the page before; empty for the first page
}

const defaultPage = 100

// token is what a pagination token holds; the service's tokens are base64 of JSON too.
type token struct {
	SkipPast string `json:"skip_past"`
	Prefix   string `json:"prefix"`
}

func parsePage(prefix string, limit uint32, most int, encoded string) (page, error) {
	p := page{prefix: prefix, limit: int(limit)}
	if limit == 0 {
		p.limit = defaultPage
	}
	if p.limit > most {
		return page{}, invalid("limit must be between 1 and %d, got %d", most, limit)
	}
	if encoded == "" {
		return p, nil
	}
	var t token
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || json.Unmarshal(text, &t) != nil || t.SkipPast == "" || t.Prefix != prefix {
		return page{}, invalid("Invalid pagination token")
	}
	p.after = t.SkipPast
	return p, nil
}

// of returns the page's part of names, which are in order, and the token of the page after it, if there is one.
func (p page) of(names []string) (part []string, next string) {
	from := max(p.prefix, p.after)
	first := sort.Search(len(names), func(i int) bool {
		return names[i] > from || (names[i] == from && from != p.after)
	})
	end := first
	for end < len(names) && end-first < p.limit && strings.HasPrefix(names[end], p.prefix) {
		end++
	}
	if end > first && end < len(names) && strings.HasPrefix(names[end], p.prefix) {
		text, _ := json.Marshal(token{SkipPast: names[end-1], Prefix: p.prefix})
		next = base64.StdEncoding.EncodeToString(text)
	}
	return names[first:end], next
}

func (a answer) setNext(next string) {
	if next != "" {
		a.sub("pagination").set("next", next)
	}
}
