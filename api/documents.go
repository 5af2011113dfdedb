package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lindero/fault"
	"lindero/ingest"
	"lindero/store"
	"lindero/store/filter"
	"lindero/tenant"
)

type DocumentPath struct {
	Collection string `path:"name" doc:"Name of the collection"`
	ID         string `path:"id" doc:"The caller's id of the document, percent-encoded"`
}

type DocumentView struct {
	ID          string               `json:"id"`
	Collection  string               `json:"collection"`
	Title       string               `json:"title"`
	URL         string               `json:"url"`
	Language    string               `json:"language"`
	Metadata    json.RawMessage      `json:"metadata"`
	ContentType string               `json:"content_type"`
	Bytes       int64                `json:"bytes"`
	ContentHash string               `json:"content_hash" doc:"Identifies everything that was sent as the newest version: who sends a document with this hash changes nothing. 128 hex digits; empty when that version was cancelled"`
	Version     int64                `json:"version"`
	Status      store.Status         `json:"status" enum:"pending,processing,indexed,failed"`
	Error       *store.DocumentError `json:"error,omitempty"`
	Chunks      int                  `json:"chunks"`
	CreatedAt   time.Time            `json:"created_at"`
	UpdatedAt   time.Time            `json:"updated_at"`
	IndexedAt   *time.Time           `json:"indexed_at,omitempty"`
}

func viewDocument(d store.Document) DocumentView {
	return DocumentView{
		ID: d.ID, Collection: d.Collection, Title: d.Title, URL: d.URL, Language: d.Language, Metadata: object(d.Metadata),
		ContentType: d.ContentType, Bytes: d.Bytes, ContentHash: hex.EncodeToString(d.ContentHash), Version: d.Version, Status: d.Status, Error: d.Error, Chunks: d.Chunks,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, IndexedAt: d.IndexedAt,
	}
}

type chunkView struct {
	ChunkID  string          `json:"chunk_id"`
	Text     string          `json:"text"`
	Position store.Position  `json:"position"`
	Metadata json.RawMessage `json:"metadata"`
}

func viewChunk(c store.Chunk) chunkView {
	return chunkView{ChunkID: c.ID.String(), Text: c.Text, Position: c.Position, Metadata: object(c.Metadata)}
}

const documentsPath = "/v1/collections/{name}/documents"

func (s *server) documentRoutes() {
	handle(s, route{method: http.MethodPut, path: documentsPath + "/{id}", id: "put-document", role: tenant.Writer,
		summary: "Create or replace a document", also: []int{http.StatusCreated, http.StatusAccepted}, media: s.putMedia(),
		doc: "Send JSON, or the raw file with its Content-Type. 202: it is being indexed; 200 or 201: it is unchanged, or ?wait= saw it indexed or failed (see status)."}, s.putDocument)
	handle(s, route{method: http.MethodGet, path: documentsPath, id: "list-documents", role: tenant.Reader,
		summary: "List documents"}, s.listDocuments)
	handle(s, route{method: http.MethodGet, path: documentsPath + "/{id}", id: "get-document", role: tenant.Reader,
		summary: "Get a document"}, s.getDocument)
	handleJSON(s, route{method: http.MethodPatch, path: documentsPath + "/{id}", id: "patch-document", role: tenant.Writer,
		summary: "Change title, URL or metadata", doc: "Nothing is embedded anew."}, s.patchDocument)
	handle(s, route{method: http.MethodDelete, path: documentsPath + "/{id}", id: "delete-document", role: tenant.Writer,
		summary: "Delete a document", doc: "It is out of every search as soon as the answer is out."}, s.deleteDocument)
	handleJSON(s, route{method: http.MethodPost, path: documentsPath + "/delete", id: "delete-documents", role: tenant.Writer,
		summary: "Delete documents by ids or by filter"}, s.deleteDocuments)
	handleJSON(s, route{method: http.MethodPost, path: documentsPath + "/lookup", id: "lookup-documents", role: tenant.Reader,
		summary: "Look documents up by id", doc: "Hash and status of each that there is: who holds copies learns which of them have to be sent."}, s.lookupDocuments)
	handle(s, route{method: http.MethodGet, path: documentsPath + "/{id}/chunks", id: "list-chunks", role: tenant.Reader,
		summary: "List a document's chunks"}, s.listChunks)
	handle(s, route{method: http.MethodGet, path: documentsPath + "/{id}/content", id: "get-content", role: tenant.Reader,
		summary: "Get what was sent as the document", doc: "The file or text as sent, under its own content type."}, s.getContent)
	content := s.api.OpenAPI().Paths[documentsPath+"/{id}/content"].Get.Responses["200"]
	content.Content = map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
}

func (s *server) getDocument(ctx context.Context, in *DocumentPath) (*answer[DocumentView], error) {
	d, err := s.storage(ctx).Document(ctx, in.Collection, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[DocumentView]{Body: viewDocument(d)}, nil
}

type listDocumentsParams struct {
	Collection string `path:"name"`
	Status     string `query:"status" enum:"pending,processing,indexed,failed"`
	Prefix     string `query:"prefix" doc:"Documents whose id begins so"`
	Filter     string `query:"filter" doc:"A filter as in searches, URL-encoded JSON"`
	PageParams
}

func (s *server) listDocuments(ctx context.Context, in *listDocumentsParams) (*answer[page[DocumentView]], error) {
	narrow, err := filter.Parse("query.filter", json.RawMessage(in.Filter))
	if err != nil {
		return nil, err
	}
	if in.Prefix != "" {
		if err := ingest.ValidateID("query.prefix", in.Prefix); err != nil {
			return nil, err
		}
	}
	st := s.storage(ctx)
	fetch := func(p store.Page) (store.Listing[store.Document], error) {
		return st.Documents(ctx, in.Collection, store.DocumentQuery{Status: store.Status(in.Status), Prefix: in.Prefix, Filter: narrow, Page: p})
	}
	return list(s, listName(ctx, "documents", in.Collection, in.Status, in.Prefix, in.Filter), in.PageParams, fetch, viewDocument)
}

type patchBody struct {
	Title    *string         `json:"title,omitempty"`
	URL      *string         `json:"url,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty" doc:"Takes the place of the metadata there was"`
}

func (s *server) patchDocument(ctx context.Context, in *DocumentPath, body *patchBody) (*answer[DocumentView], error) {
	patch := store.Patch{Title: body.Title, URL: body.URL, Metadata: body.Metadata}
	if err := ingest.ValidatePatch(patch); err != nil {
		return nil, err
	}
	d, err := s.storage(ctx).PatchDocument(ctx, in.Collection, in.ID, patch)
	if err != nil {
		return nil, err
	}
	return &answer[DocumentView]{Body: viewDocument(d)}, nil
}

func (s *server) deleteDocument(ctx context.Context, in *DocumentPath) (*none, error) {
	return &none{}, s.storage(ctx).DeleteDocument(ctx, in.Collection, in.ID)
}

type deleteBody struct {
	IDs    []string        `json:"ids,omitempty" minItems:"1" maxItems:"10000"`
	Filter json.RawMessage `json:"filter,omitempty" doc:"A filter as in searches; not empty"`
}

type deletedView struct {
	Deleted int64 `json:"deleted"`
}

const maxDeletedIDs = 10_000

func (s *server) deleteDocuments(ctx context.Context, in *CollectionPath, body *deleteBody) (*answer[deletedView], error) {
	st := s.storage(ctx)
	narrow, err := filter.Parse("body.filter", body.Filter)
	switch {
	case err != nil:
		return nil, err
	case (len(body.IDs) > 0) == (narrow != nil): // an empty filter would delete everything
		return nil, fault.InvalidField("body", nil, "give either ids or a filter, and not an empty one")
	case len(body.IDs) > maxDeletedIDs:
		return nil, fault.InvalidField("body.ids", len(body.IDs), "are more than %d", maxDeletedIDs)
	}
	var n int64
	if narrow != nil {
		n, err = st.DeleteDocumentsWhere(ctx, in.Name, narrow)
	} else {
		n, err = st.DeleteDocuments(ctx, in.Name, body.IDs)
	}
	return &answer[deletedView]{Body: deletedView{Deleted: n}}, err
}

type listChunksParams struct {
	DocumentPath
	PageParams
}

func (s *server) listChunks(ctx context.Context, in *listChunksParams) (*answer[page[chunkView]], error) {
	st := s.storage(ctx)
	fetch := func(p store.Page) (store.Listing[store.Chunk], error) {
		return st.Chunks(ctx, in.Collection, in.ID, p)
	}
	return list(s, listName(ctx, "chunks", in.Collection, in.ID), in.PageParams, fetch, viewChunk)
}

type contentAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte
}

// getContent gives back what a caller uploaded. The headers keep a browser from running it as a page of ours.
func (s *server) getContent(ctx context.Context, in *DocumentPath) (*contentAnswer, error) {
	contentType, body, err := s.storage(ctx).Content(ctx, in.Collection, in.ID)
	if err != nil {
		return nil, err
	}
	return &contentAnswer{ContentType: contentType, Disposition: "attachment", Policy: "default-src 'none'; sandbox", Body: body}, nil
}
