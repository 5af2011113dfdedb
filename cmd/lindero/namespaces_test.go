package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/client"
)

// TestDeletedTenantLeavesNoNamespace deletes a tenant with namespaces in two indexes and makes another under its
// slug.
func TestDeletedTenantLeavesNoNamespace(t *testing.T) {
	s := servePinecone(t)
	c := s.filled("acme", 50)
	note := client.NewDocument{Title: "Note", Text: "The spare key lies under the blue flower pot."}
	if _, err := c.PutDocument(t.Context(), "default", "note", note, client.PutOptions{Wait: waitLong}); err != nil {
		t.Fatal(err)
	}
	if placement := s.settle("acme"); placement.Move.Namespaces != 2 {
		t.Fatalf("%+v, want two namespaces", placement.Move)
	}
	old := s.namespaceOf("acme")
	if s.contents(old) == "" {
		t.Fatal("the namespace is empty before the deletion")
	}
	receipt := s.deleted("acme")
	if "t-"+receipt.TenantID != old || !receipt.Verified || receipt.Removed["pinecone_namespaces"] != 2 {
		t.Errorf("the receipt says %+v", receipt)
	}
	s.wantGone(old)

	again := s.filled("acme", 3)
	fresh := s.namespaceOf("acme")
	if fresh == old {
		t.Fatal("the new tenant has the old one's namespace")
	}
	if got, err := again.nearest(1, 10); err != nil || len(got) != 3 {
		t.Errorf("the new tenant finds %v, %v", got, err)
	}
	if held := s.contents(fresh); strings.Count(held, `"ID"`) != 3 || strings.Contains(held, strings.TrimPrefix(old, "t-")) {
		t.Errorf("the new namespace holds %s", held)
	}
	s.wantGone(old)
}

func (s *onPinecone) wantGone(namespace string) {
	s.t.Helper()
	for _, index := range s.emulator.Indexes() {
		if slices.Contains(s.emulator.Namespaces(index), namespace) {
			s.t.Errorf("%s still has %s", index, namespace)
		}
	}
}

// TestNoWipeTouchesANeighbour resets a tenant in every way there is and compares its neighbour's namespace before and
// after, byte for byte.
func TestNoWipeTouchesANeighbour(t *testing.T) {
	const documents = 40
	s := servePinecone(t)
	neighbour := s.filled("neighbour", documents)
	namespace := s.namespaceOf("neighbour")
	want := s.contents(namespace)
	if strings.Count(want, `"ID"`) != documents {
		t.Fatalf("the neighbour's namespace holds %s", want)
	}
	for i, wipe := range []struct {
		name string
		do   func(victim *customer, slug string) error
		gone bool // the victim's namespace is gone after it
	}{
		{"delete the documents", func(v *customer, _ string) error {
			for n := range documents {
				if err := v.DeleteDocument(t.Context(), "vectors", fmt.Sprintf("d%04d", n)); err != nil {
					return err
				}
			}
			return nil
		}, false},
		{"delete the collection", func(v *customer, _ string) error { return v.DeleteCollection(t.Context(), "vectors") }, false},
		{"make the collection again", func(v *customer, _ string) error {
			if err := v.DeleteCollection(t.Context(), "vectors"); err != nil {
				return err
			}
			v.fill("vectors", 5)
			return nil
		}, false},
		{"move to pgvector", func(_ *customer, slug string) error {
			_, err := s.platform.PlaceVectors(t.Context(), slug, "pgvector")
			return err
		}, true},
		{"repair", func(_ *customer, slug string) error { // with the neighbour's own ids in the victim's namespace
			values, conn := testVector(1), s.namespace(s.namespaceOf(slug))
			for _, v := range s.emulator.Vectors("lindero-8", namespace) {
				if _, err := conn.UpsertVectors(t.Context(), []*sdk.Vector{{Id: v.ID, Values: &values}}); err != nil {
					return err
				}
			}
			s.emulator.Release()
			if report := s.doctor(exitFailure, "--fix", "--tenant", slug); report.Compared[0].Foreign != documents {
				return fmt.Errorf("the doctor saw %+v", report.Compared)
			}
			s.emulator.Release()
			s.doctor(exitOK, "--tenant", slug)
			return nil
		}, false},
		{"delete the tenant", func(_ *customer, slug string) error { s.deleted(slug); return nil }, true},
	} {
		slug := fmt.Sprintf("victim-%d", i)
		victim := s.filled(slug, documents) // the same documents with the same vectors
		own := s.namespaceOf(slug)
		if strings.Count(s.contents(own), `"ID"`) != documents {
			t.Fatalf("%s: the victim's namespace holds %s", wipe.name, s.contents(own))
		}
		if err := wipe.do(victim, slug); err != nil {
			t.Fatalf("%s: %v", wipe.name, err)
		}
		if wipe.name != "delete the tenant" {
			s.settle(slug)
		}
		if wipe.gone {
			s.wantGone(own)
		}
		if got := s.contents(namespace); got != want {
			t.Errorf("%s: the neighbour's namespace held\n%s\nand holds\n%s", wipe.name, want, got)
		}
		if got, err := neighbour.nearest(7, 10); err != nil || len(got) != 10 || got[0] != "d0007" {
			t.Errorf("%s: the neighbour finds %v, %v", wipe.name, got, err)
		}
	}
}
