package ingest_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"lindero/fault"
	"lindero/ingest"
	"lindero/store"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	builtin := store.Collection{CollectionSpec: store.CollectionSpec{Embedding: store.Profile{Provider: store.ProviderBuiltin, Dimensions: 768}}}
	external := store.Collection{CollectionSpec: store.CollectionSpec{Embedding: store.Profile{Provider: store.ProviderExternal, Dimensions: 2}}}
	text := func(change func(*store.NewDocument)) store.NewDocument {
		d := store.NewDocument{ID: "a", Payload: store.Payload{Body: []byte("text"), ContentType: "text/plain", Metadata: json.RawMessage(`{}`)}}
		change(&d)
		return d
	}
	vector := func(v ...float32) store.NewDocument {
		return store.NewDocument{ID: "a", Payload: store.Payload{Parts: []store.Part{{Text: "t", Vector: v}}}}
	}
	metadata := func(raw string) store.NewDocument {
		return text(func(d *store.NewDocument) { d.Payload.Metadata = json.RawMessage(raw) })
	}
	nan := float32(math.NaN())
	for name, test := range map[string]struct {
		collection store.Collection
		doc        store.NewDocument
		field      string // empty: valid
	}{
		"text":                     {builtin, text(func(*store.NewDocument) {}), ""},
		"longest id":               {builtin, text(func(d *store.NewDocument) { d.ID = strings.Repeat("ñ", 512) }), ""},
		"empty id":                 {builtin, text(func(d *store.NewDocument) { d.ID = "" }), "id"},
		"long id":                  {builtin, text(func(d *store.NewDocument) { d.ID = strings.Repeat("x", 513) }), "id"},
		"control character in id":  {builtin, text(func(d *store.NewDocument) { d.ID = "a\nb" }), "id"},
		"broken UTF-8 in id":       {builtin, text(func(d *store.NewDocument) { d.ID = "\xff" }), "id"},
		"NUL in title":             {builtin, text(func(d *store.NewDocument) { d.Payload.Title = "a\x00" }), "body.title"},
		"long URL":                 {builtin, text(func(d *store.NewDocument) { d.Payload.URL = strings.Repeat("u", 9000) }), "body.url"},
		"bad language":             {builtin, text(func(d *store.NewDocument) { d.Payload.Language = "es_MX!" }), "body.language"},
		"nothing":                  {builtin, text(func(d *store.NewDocument) { d.Payload.Body = nil }), "body.text"},
		"title only":               {builtin, text(func(d *store.NewDocument) { d.Payload.Body, d.Payload.Title = nil, "t" }), ""},
		"flat metadata":            {builtin, metadata(`{"s":"x","n":1.5,"b":true,"a":["x","y"]}`), ""},
		"nested metadata":          {builtin, metadata(`{"o":{"x":1}}`), "body.metadata.o"},
		"null in metadata":         {builtin, metadata(`{"o":null}`), "body.metadata.o"},
		"numbers in array":         {builtin, metadata(`{"a":[1]}`), "body.metadata.a"},
		"metadata is an array":     {builtin, metadata(`[]`), "body.metadata"},
		"metadata is null":         {builtin, metadata(`null`), "body.metadata"},
		"number out of range":      {builtin, metadata(`{"s":1e999}`), "body.metadata"},
		"reserved field":           {builtin, metadata(`{"$id":"x"}`), "body.metadata"},
		"NUL in metadata":          {builtin, metadata(`{"s":"\u0000"}`), "body.metadata.s"},
		"large metadata":           {builtin, metadata(`{"s":"` + strings.Repeat("x", 41_000) + `"}`), "body.metadata"},
		"vector in builtin":        {builtin, vector(1, 2), "body.chunks[0].vector"},
		"vector":                   {external, vector(1, 2), ""},
		"no parts in external":     {external, text(func(*store.NewDocument) {}), "body.chunks"},
		"no vector in external":    {external, vector(), "body.chunks[0].vector"},
		"dimension":                {external, vector(1, 2, 3), "body.chunks[0].vector"},
		"zero vector":              {external, vector(0, 0), "body.chunks[0].vector"},
		"NaN in vector":            {external, vector(1, nan), "body.chunks[0].vector"},
		"infinite number":          {external, vector(1, float32(math.Inf(1))), "body.chunks[0].vector"},
		"text beside parts":        {builtin, text(func(d *store.NewDocument) { d.Payload.Parts = []store.Part{{Text: "x"}} }), ""},
		"empty part without title": {builtin, store.NewDocument{ID: "a", Payload: store.Payload{Parts: []store.Part{{Text: " "}}}}, "body.chunks[0].text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ingest.Validate(test.collection, test.doc)
			if test.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			known, ok := err.(*fault.Error)
			if !ok || known.Code != fault.Invalid || len(known.Fields) != 1 || known.Fields[0].Location != test.field {
				t.Fatalf("got %v, want a fault about %s", err, test.field)
			}
		})
	}
}

func TestValidatePatch(t *testing.T) {
	t.Parallel()
	bad := "a\x00"
	for _, patch := range []store.Patch{{}, {Title: &bad}, {URL: &bad}, {Metadata: json.RawMessage(`1`)}} {
		if err := ingest.ValidatePatch(patch); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", patch, err)
		}
	}
}
