package pineconeemu

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// write accepts a change: from its answer on it is in the journal and has a log sequence number.
func (x *index) write(ctx context.Context, method string, request proto.Message, c change) error {
	n := x.namespace(namespaceOf(request))
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, creates := c.(upserted); !creates && !n.exists {
		return notFound()
	}
	return x.accept(ctx, n, method, request, c)
}

// accept journals and numbers a change. The caller holds the namespace's lock.
func (x *index) accept(ctx context.Context, n *namespace, method string, request proto.Message, c change) error {
	if err := x.journal.append(n.accepted+1, method, request); err != nil {
		return err
	}
	return setLSN(ctx, requestLSN, n.accept(c, *x.emulator.visibility.Load()))
}

func (x *index) upsert(ctx context.Context, request proto.Message) (proto.Message, error) {
	c, err := x.parseUpsert(request)
	if err != nil {
		return nil, err
	}
	if err := x.write(ctx, "Upsert", request, c); err != nil {
		return nil, err
	}
	return newAnswer("UpsertResponse").set("upserted_count", uint32(len(c.vectors))).message(), nil
}

func (x *index) parseUpsert(request proto.Message) (upserted, error) {
	messages := vectorsOf(request)
	if len(messages) == 0 {
		return upserted{}, invalid("At least one vector must be provided")
	}
	if len(messages) > maxUpsertRecords {
		return upserted{}, invalid("Too many vectors in the request: %d, the limit is %d", len(messages), maxUpsertRecords)
	}
	vectors := make([]vector, len(messages))
	for i, m := range messages {
		v := m.(vectorMessage)
		if err := checkID(v.GetId()); err != nil {
			return upserted{}, err
		}
		if has(m, "sparse_values") {
			return upserted{}, invalid("Cannot upsert sparse values into a dense index with the cosine metric")
		}
		if err := checkStored(v.GetId(), v.GetValues(), x.definition.Dimension); err != nil {
			return upserted{}, err
		}
		if err := checkMetadata(v.GetMetadata()); err != nil {
			return upserted{}, err
		}
		vectors[i] = vector{id: v.GetId(), values: v.GetValues(), metadata: v.GetMetadata()}
	}
	return upserted{vectors}, nil
}

func (x *index) delete(ctx context.Context, request proto.Message) (proto.Message, error) {
	c, err := parseDelete(request.(deleteRequest))
	if err != nil {
		return nil, err
	}
	return newAnswer("DeleteResponse").message(), x.write(ctx, "Delete", request, c)
}

func parseDelete(r deleteRequest) (change, error) {
	given := 0
	for _, is := range []bool{len(r.GetIds()) > 0, r.GetDeleteAll(), r.GetFilter() != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, invalid("Exactly one of ids, delete_all and filter must be given to delete")
	}
	switch {
	case r.GetDeleteAll():
		return dropped{}, nil
	case r.GetFilter() != nil:
		f, err := parseSelection(r.GetFilter())
		return removedWhere{f}, err
	}
	return removed{r.GetIds()}, checkIDs(r.GetIds())
}

func (x *index) update(ctx context.Context, request proto.Message) (proto.Message, error) {
	c, err := x.parseUpdate(request)
	if err != nil {
		return nil, err
	}
	response := newAnswer("UpdateResponse")
	if where, ok := c.(updatedWhere); ok {
		matched := 0
		x.namespace(namespaceOf(request)).read(func(t *table) { matched = len(t.matching(where.filter)) })
		response.set("matched_records", int32(matched))
		if request.(updateRequest).GetDryRun() {
			return response.message(), nil
		}
	}
	return response.message(), x.write(ctx, "Update", request, c)
}

func (x *index) parseUpdate(request proto.Message) (change, error) {
	r := request.(updateRequest)
	if has(request, "sparse_values") {
		return nil, invalid("Cannot update sparse values in a dense index with the cosine metric")
	}
	if err := checkMetadata(r.GetSetMetadata()); err != nil {
		return nil, err
	}
	if r.GetFilter() != nil {
		if r.GetId() != "" || r.GetValues() != nil || r.GetSetMetadata() == nil {
			return nil, invalid("An update by filter sets metadata, and takes neither an id nor values")
		}
		f, err := parseSelection(r.GetFilter())
		return updatedWhere{f, r.GetSetMetadata()}, err
	}
	if r.GetDryRun() {
		return nil, invalid("dry_run is for updates by filter")
	}
	if r.GetValues() != nil {
		if err := checkStored(r.GetId(), r.GetValues(), x.definition.Dimension); err != nil {
			return nil, err
		}
	}
	return updated{id: r.GetId(), values: r.GetValues(), metadata: r.GetSetMetadata()}, checkID(r.GetId())
}
