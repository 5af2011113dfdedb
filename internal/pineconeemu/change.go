package pineconeemu

import (
	"maps"

	"google.golang.org/protobuf/types/known/structpb"
)

// change is the effect of one accepted write on a namespace's visible state.
type change interface {
	// apply runs under the namespace's lock, after all changes accepted before it.
	apply(n *namespace)
}

type (
	created  struct{}
	upserted struct{ vectors []vector }
	// dropped is the namespace and all its records gone, by DeleteNamespace or delete_all.
	dropped      struct{}
	removed      struct{ ids []string }
	removedWhere struct{ filter filter }
	// updated replaces values and merges metadata; an absent id is no error and has no effect.
	updated struct {
		id       string
		values   []float32 // nil leaves them
		metadata *structpb.Struct
	}
	updatedWhere struct {
		filter   filter
		metadata *structpb.Struct
	}
)

// vector is one record of an upsert. Its parts are never changed once they are here.
type vector struct {
	id       string
	values   []float32
	metadata *structpb.Struct
}

func (created) apply(n *namespace) { n.visible = true }

func (c upserted) apply(n *namespace) {
	n.visible = true
	for _, v := range c.vectors {
		n.records.put(v)
	}
}

func (dropped) apply(n *namespace) {
	n.visible = false
	n.records = newTable(n.records.dimension)
}

func (c removed) apply(n *namespace) {
	for _, id := range c.ids {
		n.records.remove(id)
	}
}

func (c removedWhere) apply(n *namespace) {
	for _, id := range n.records.matching(c.filter) {
		n.records.remove(id)
	}
}

func (c updated) apply(n *namespace) {
	v, ok := n.records.get(c.id)
	if !ok {
		return
	}
	if c.values != nil {
		v.values = c.values
	}
	v.metadata = merge(v.metadata, c.metadata)
	n.records.put(v)
}

func (c updatedWhere) apply(n *namespace) {
	for _, id := range n.records.matching(c.filter) {
		updated{id: id, metadata: c.metadata}.apply(n)
	}
}

// merge returns new metadata with the fields of both; those of set win. Neither argument is changed, for answers
// that are still being encoded may hold them.
func merge(old, set *structpb.Struct) *structpb.Struct {
	if set == nil {
		return old
	}
	fields := maps.Clone(old.GetFields())
	if fields == nil {
		fields = map[string]*structpb.Value{}
	}
	maps.Copy(fields, set.GetFields())
	return &structpb.Struct{Fields: fields}
}
