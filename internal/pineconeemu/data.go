package pineconeemu

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// handlers answer the data plane's methods.
var handlers = map[string]func(x *index, ctx context.Context, request proto.Message) (proto.Message, error){
	"Upsert":             (*index).upsert,
	"Delete":             (*index).delete,
	"Update":             (*index).update,
	"Query":              (*index).query,
	"Fetch":              (*index).fetch,
	"FetchByMetadata":    (*index).fetchByMetadata,
	"List":               (*index).list,
	"DescribeIndexStats": (*index).describeStats,
	"ListNamespaces":     (*index).listNamespaces,
	"DescribeNamespace":  (*index).describeNamespace,
	"CreateNamespace":    (*index).createNamespace,
	"DeleteNamespace":    (*index).deleteNamespace,
}

// answer is every call of the data plane: it lets the faults in force have their way and keeps the record.
func (x *index) answer(ctx context.Context, method string, request proto.Message) (response any, err error) {
	c := Call{
		Time: time.Now(), Method: method, Index: x.definition.Name, Namespace: namespaceOf(request),
		Bytes: proto.Size(request), Records: recordsOf(method, request),
	}
	strike := x.emulator.faults.take(c)
	defer func() {
		c.Duration, c.Code, c.Fault = time.Since(c.Time), status.Code(err), strike.name()
		x.emulator.record(c)
	}()
	if strike == nil {
		return x.handle(ctx, method, request)
	}
	if err := strike.before(ctx, x); err != nil {
		return nil, err
	}
	honest, err := x.handle(ctx, method, request)
	return strike.after(ctx, x, honest, err)
}

// handle answers as the service does.
func (x *index) handle(ctx context.Context, method string, request proto.Message) (proto.Message, error) {
	if err := x.emulator.checkKey(firstOf(ctx, "api-key")); err != nil {
		return nil, err
	}
	if !x.isReady() {
		return nil, status.Errorf(codes.Unavailable, "The index %s is not ready yet", x.definition.Name)
	}
	if err := checkSize(method, request); err != nil {
		return nil, err
	}
	namespace := namespaceOf(request)
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	if err := x.checkPace(method, namespace, request); err != nil {
		return nil, err
	}
	return handlers[method](x, ctx, request)
}

func namespaceOf(request proto.Message) string {
	switch r := request.(type) {
	case namespaced:
		return r.GetNamespace()
	case createNamespaceRequest:
		return r.GetName()
	}
	return ""
}

// recordsOf is how many records a request names.
func recordsOf(method string, request proto.Message) int {
	if method == "Upsert" {
		return len(vectorsOf(request))
	}
	switch r := request.(type) {
	case fetchRequest: // Delete has ids too
		return len(r.GetIds())
	case queryRequest:
		return int(r.GetTopK())
	}
	return 0
}

func (e *Emulator) checkKey(key string) error {
	if key == "" || (e.cfg.APIKey != "" && key != e.cfg.APIKey) {
		return status.Error(codes.Unauthenticated, "Invalid API Key")
	}
	return nil
}

func firstOf(ctx context.Context, key string) string {
	values := metadata.ValueFromIncomingContext(ctx, key)
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// The headers that tell how fresh an answer is: a write's number, and the last number that reads of the namespace
// include. See https://docs.pinecone.io/guides/index-data/check-data-freshness.
const (
	requestLSN    = "x-pinecone-request-lsn"
	maxIndexedLSN = "x-pinecone-max-indexed-lsn"
)

func setLSN(ctx context.Context, header string, number uint64) error {
	return grpc.SetHeader(ctx, metadata.Pairs(header, strconv.FormatUint(number, 10)))
}

// notFound is the answer about a namespace to which nothing was ever written.
func notFound() error { return status.Error(codes.NotFound, "Namespace not found") }
