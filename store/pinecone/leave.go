package pinecone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lindero/tenant"
)

// goneTimeout is how long a deleted namespace may still be seen before the deletion is tried again.
const goneTimeout = 20 * time.Second

// Leave deletes all of a tenant's namespaces and sees to it that they are gone.
func (b *Backend) Leave(ctx context.Context, id tenant.ID, ledger Ledger) error {
	namespaces, err := ledger.VectorNamespaces(ctx)
	if err != nil {
		return err
	}
	for _, dimensions := range namespaces {
		if err := b.dropNamespace(ctx, id, dimensions); err != nil {
			return fmt.Errorf("delete the tenant's namespace of %d dimensions: %w", dimensions, err)
		}
		if err := ledger.NamespaceGone(ctx, dimensions); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) dropNamespace(ctx context.Context, id tenant.ID, dimensions int) error {
	s, err := b.space(ctx, id, dimensions, false)
	if errors.Is(err, errNoIndex) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.drop(ctx); err != nil {
		return err
	}
	for deadline := time.Now().Add(goneTimeout); ; {
		there, err := s.exists(ctx)
		if err != nil || !there {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("the namespace is still there after its deletion")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lastLook / 4):
		}
	}
}
