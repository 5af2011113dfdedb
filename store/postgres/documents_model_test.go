package postgres_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lindero/internal/storefixture"
	"lindero/store"
)

// model is what a tenant's documents must look like: by id, the visible and the waiting text and the title.
type model map[string]*modelDocument

type modelDocument struct {
	visible, waiting string
	title            string // of the visible version, or the waiting one when none is visible
	waitingTitle     string
}

// TestRandomHistories plays puts, patches, deletions and publications, some of them outdated, against a model.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	f := storefixture.New(t)
	rapid.Check(t, func(r *rapid.T) {
		e := &env{TB: t, Fixture: f, Tenant: f.Tenant(t, storefixture.External), ctx: t.Context()}
		m := model{}
		var stale []store.Work
		for step := range rapid.IntRange(1, 25).Draw(r, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "id")
			switch rapid.SampledFrom([]string{"put", "put", "patch", "delete", "load", "publish", "publish stale"}).Draw(r, "what") {
			case "put":
				m.put(e, id, fmt.Sprint("text ", rapid.IntRange(0, 2).Draw(r, "text")))
			case "patch":
				m.patch(e, id, fmt.Sprint("title ", step))
			case "delete":
				n, err := e.Handle.DeleteDocuments(e.ctx, "default", []string{id})
				if _, there := m[id]; err != nil || (n == 1) != there {
					r.Fatalf("delete %s: %d %v", id, n, err)
				}
				delete(m, id)
			case "load":
				stale = append(stale, e.load())
			case "publish":
				e.publish(e.load())
				m.publish()
			case "publish stale":
				if len(stale) > 0 { // may bring what is still wanted, and nothing else
					work := stale[0]
					stale = stale[1:]
					e.publish(work)
					m.publishStill(e)
				}
			}
			m.check(r, e)
			e.checkConsistent()
		}
	})
}

func (m model) put(e *env, id, text string) {
	e.put(id, text)
	title := "Title of " + id
	d := m[id]
	if d == nil {
		d = &modelDocument{}
		m[id] = d
	}
	newest, newestTitle := d.waiting, d.waitingTitle
	if newest == "" {
		newest, newestTitle = d.visible, d.title
	}
	if newest == text && newestTitle == title {
		return // unchanged
	}
	d.waiting, d.waitingTitle = text, title
	if d.visible == "" {
		d.title = title
	}
}

func (m model) patch(e *env, id, title string) {
	patch := store.Patch{Title: &title}
	if len(title)%2 == 0 { // metadata as it is, written anew
		patch.Metadata = storefixture.Split(id, "", 1).Payload.Metadata
	}
	_, err := e.Handle.PatchDocument(e.ctx, "default", id, patch)
	d := m[id]
	if (err == nil) != (d != nil) {
		e.Fatalf("patch %s: %v", id, err)
	}
	if d != nil {
		d.title = title
		if d.waiting != "" {
			d.waitingTitle = title
		}
	}
}

func (m model) publish() {
	for _, d := range m {
		if d.waiting != "" {
			*d = modelDocument{visible: d.waiting, title: d.waitingTitle}
		}
	}
}

// publishStill takes over which waiting versions a batch of an earlier moment has published: those that were
// still the newest. That it brought nothing else is what check finds out.
func (m model) publishStill(e *env) {
	for id, d := range m {
		if d.waiting != "" && e.document(id).Status == store.Indexed {
			*d = modelDocument{visible: d.waiting, title: d.waitingTitle}
		}
	}
}

func (m model) check(r *rapid.T, e *env) {
	list, err := e.Handle.Documents(e.ctx, "default", store.DocumentQuery{Page: store.Page{Limit: 100}})
	if err != nil {
		r.Fatal(err)
	}
	var ids []string
	for _, doc := range list.Items {
		ids = append(ids, doc.ID)
		want := m[doc.ID]
		if want == nil {
			r.Fatalf("%s should be gone", doc.ID)
		}
		if doc.Title != want.title {
			r.Fatalf("%s has the title %q, want %q", doc.ID, doc.Title, want.title)
		}
		texts := []string{}
		if want.visible != "" {
			texts = append(texts, want.visible)
		}
		if diff := cmp.Diff(texts, e.texts(doc.ID)); diff != "" {
			r.Fatalf("%s: %s", doc.ID, diff)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(m)), ids); diff != "" && len(ids)+len(m) > 0 {
		r.Fatal(diff)
	}
}
