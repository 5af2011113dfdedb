package pinecone

import (
	"context"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Headers that tell where in a namespace's log a write stands and how far reads have come, where the service sends
// them: https://docs.pinecone.io/guides/index-data/check-data-freshness.
const (
	writtenHeader = "x-pinecone-request-lsn"
	indexedHeader = "x-pinecone-max-indexed-lsn"
)

// positions receives what a call's answer told; nil means that it told nothing.
type positions struct{ written, indexed *int64 }

type positionsKey struct{}

// withPositions has the next call on ctx report its positions. The SDK hides answers' headers; an interceptor on
// its connection reads them.
func withPositions(ctx context.Context) (context.Context, *positions) {
	p := &positions{}
	return context.WithValue(ctx, positionsKey{}, p), p
}

func readPosition(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	p, wanted := ctx.Value(positionsKey{}).(*positions)
	if !wanted {
		return invoke(ctx, method, request, reply, conn, options...)
	}
	var header, trailer metadata.MD
	err := invoke(ctx, method, request, reply, conn, append(options, grpc.Header(&header), grpc.Trailer(&trailer))...)
	if err == nil {
		both := metadata.Join(header, trailer)
		p.written, p.indexed = number(both.Get(writtenHeader)), number(both.Get(indexedHeader))
	}
	return err
}

func number(values []string) *int64 {
	if len(values) == 0 {
		return nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || n < 0 {
		return nil
	}
	return &n
}
