package pinecone

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/grpc"

	"lindero/fault"
)

// index is one of Pinecone's indexes: all tenants' vectors of one dimension, in their namespaces.
type index struct {
	name    string
	conn    *sdk.IndexConnection // of no namespace of ours: withNamespace only
	circuit *circuit
	pace    *indexPace
}

// maxAnswer raises gRPC's cap of 4 MiB, whose error would look like a rate limit.
const maxAnswer = 64 << 20

// Waiting for a new index.
const (
	readyTimeout = 2 * time.Minute
	readyPoll    = 500 * time.Millisecond
)

var (
	// errNoIndex says that nobody has written vectors of that dimension yet.
	errNoIndex = errors.New("the index does not exist yet")
	// errNotReady says that somebody is about to: the index is being made.
	errNotReady = errors.New("the index is not ready yet")
)

// indexOf returns the index of a dimension, once it is ready. With create it is made when it does not exist, and waited
// for; otherwise errNoIndex, errNotReady.
func (b *Backend) indexOf(ctx context.Context, dimensions int, create bool) (*index, error) {
	b.mu.Lock()
	known := b.indexes[dimensions]
	b.mu.Unlock()
	if known != nil {
		return known, nil
	}
	name := b.nameOf(dimensions)
	described, err := b.client.DescribeIndex(ctx, name)
	if isStatus(err, http.StatusNotFound) {
		if !create {
			return nil, errNoIndex
		}
		described, err = b.createIndex(ctx, name, dimensions)
	}
	if err == nil && !isReady(described) {
		if !create {
			return nil, errNotReady
		}
		described, err = b.awaitReady(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	if described.Dimension == nil || int(*described.Dimension) != dimensions || described.Metric != sdk.Cosine {
		return nil, fault.New(fault.Internal, "Pinecone's index %s is not one of %d dimensions and cosine similarity; set LINDERO_PINECONE_INDEX to another name", name, dimensions)
	}
	return b.connect(name, dimensions, described.Host)
}

func (b *Backend) nameOf(dimensions int) string { return b.cfg.Index + "-" + strconv.Itoa(dimensions) }

// createIndex makes an index. Another process may be doing the same.
func (b *Backend) createIndex(ctx context.Context, name string, dimensions int) (*sdk.Index, error) {
	metric, size := sdk.Cosine, int32(dimensions)
	_, err := b.client.CreateServerlessIndex(ctx, &sdk.CreateServerlessIndexRequest{
		Name: name, Cloud: sdk.Cloud(b.cfg.Cloud), Region: b.cfg.Region, Metric: &metric, Dimension: &size,
	})
	if err != nil && !isStatus(err, http.StatusConflict) {
		return nil, err
	}
	return b.client.DescribeIndex(ctx, name)
}

func isReady(x *sdk.Index) bool { return x.Status != nil && x.Status.Ready }

// awaitReady waits until an index takes requests.
func (b *Backend) awaitReady(ctx context.Context, name string) (*sdk.Index, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		described, err := b.client.DescribeIndex(ctx, name)
		if err != nil || isReady(described) {
			return described, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("pinecone: index %s is not ready: %w", name, ctx.Err())
		case <-time.After(readyPoll):
		}
	}
}

func (b *Backend) connect(name string, dimensions int, host string) (*index, error) {
	host, err := checkHost(b.withScheme(host))
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if known := b.indexes[dimensions]; known != nil { // somebody was faster
		return known, nil
	}
	conn, err := b.client.Index(sdk.NewIndexConnParams{Host: host, Namespace: noNamespace},
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)), grpc.WithUnaryInterceptor(readPosition))
	if err != nil {
		return nil, err
	}
	x := &index{name: name, conn: conn, circuit: newCircuit(name, b.cfg.Backoff, b.cfg.Log), pace: b.cfg.indexPace()}
	b.indexes[dimensions] = x
	return x, nil
}

// withScheme completes an index's host that comes without a scheme, as Pinecone's and Pinecone Local's do: the
// index is encrypted exactly if the control plane that names it is.
func (b *Backend) withScheme(host string) string {
	if strings.HasPrefix(b.cfg.Host, "http://") && !strings.Contains(host, "://") {
		return "http://" + host
	}
	return host
}

// noNamespace is what the shared connection is bound to, so that a mistake finds nothing of anybody.
const noNamespace = "lindero-none"

func isStatus(err error, status int) bool {
	var refused *sdk.PineconeError
	return errors.As(err, &refused) && refused.Code == status
}
