package pineconeemu

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func (x *index) describeStats(_ context.Context, request proto.Message) (proto.Message, error) {
	if request.(statsRequest).GetFilter() != nil {
		return nil, invalid("Serverless and Starter indexes do not support describing index stats with metadata filtering")
	}
	response := newAnswer("DescribeIndexStatsResponse").
		set("dimension", uint32(x.definition.Dimension)).set("metric", "cosine").set("vector_type", "dense")
	total := 0
	for _, n := range x.visibleNamespaces("") {
		count := n.count()
		response.entry("namespaces", n.name).set("vector_count", uint32(count))
		total += count
	}
	return response.set("total_vector_count", uint32(total)).message(), nil
}

func (x *index) listNamespaces(_ context.Context, request proto.Message) (proto.Message, error) {
	r := request.(pageRequest)
	p, err := parsePage(r.GetPrefix(), r.GetLimit(), maxPage, r.GetPaginationToken())
	if err != nil {
		return nil, err
	}
	all := x.visibleNamespaces(r.GetPrefix())
	var names []string
	for _, n := range all {
		names = append(names, n.name)
	}
	part, next := p.of(names)
	response := newAnswer("ListNamespacesResponse").set("total_count", int32(len(all)))
	for _, name := range part {
		response.add("namespaces").setNamespace(x.namespace(name))
	}
	response.setNext(next)
	return response.message(), nil
}

func (x *index) describeNamespace(_ context.Context, request proto.Message) (proto.Message, error) {
	n := x.namespace(namespaceOf(request))
	if !n.isVisible() {
		return nil, notFound()
	}
	response := newAnswer("NamespaceDescription")
	response.setNamespace(n)
	return response.message(), nil
}

func (x *index) createNamespace(ctx context.Context, request proto.Message) (proto.Message, error) {
	if has(request, "schema") {
		return nil, status.Error(codes.Unimplemented, "The emulator indexes all metadata and takes no schema")
	}
	if namespaceOf(request) == "" {
		return nil, invalid("A namespace needs a name")
	}
	n := x.namespace(namespaceOf(request))
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.exists {
		return nil, status.Errorf(codes.AlreadyExists, "Namespace %s already exists", n.name)
	}
	response := newAnswer("NamespaceDescription").set("name", n.name)
	return response.message(), x.accept(ctx, n, "CreateNamespace", request, created{})
}

func (x *index) deleteNamespace(ctx context.Context, request proto.Message) (proto.Message, error) {
	return newAnswer("DeleteResponse").message(), x.write(ctx, "DeleteNamespace", request, dropped{})
}

func (a answer) setNamespace(n *namespace) {
	a.set("name", n.name).set("record_count", uint64(n.count()))
}

func (n *namespace) count() int {
	count := 0
	n.read(func(t *table) { count = t.len() })
	return count
}
