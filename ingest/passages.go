package ingest

import (
	"context"
	"encoding/json"
	"strings"

	"lindero/fault"
	"lindero/ingest/chunk"
	"lindero/ingest/extract"
	"lindero/search/lexical/analysis"
	"lindero/store"
)

// fromParts takes the caller's own split as it is.
func fromParts(c store.Collection, item store.WorkItem, memo *analysis.Memo) store.Prepared {
	p := item.Payload
	prepared := store.Prepared{Item: item, Title: p.Title, Metadata: p.Metadata}
	var all strings.Builder
	for _, part := range p.Parts {
		if all.Len() < sampleBytes {
			all.WriteString(part.Text + "\n")
		}
	}
	prepared.Language = language(c, p.Language, "", p.Title+"\n"+all.String())
	analyzer := analysis.For(prepared.Language)
	offset := 0
	for _, part := range p.Parts {
		prepared.Passages = append(prepared.Passages, store.Passage{
			Text: part.Text, Start: offset, End: offset + len(part.Text), Metadata: part.Metadata, Vector: part.Vector,
			Terms: memo.Terms(analyzer, store.IndexedText(p.Title, "", part.Text)),
		})
		offset += len(part.Text)
	}
	return prepared
}

// fromContent extracts, splits and analyses a text or file. What the file says of itself fills in what the
// caller left open.
func (pipeline *Pipeline) fromContent(ctx context.Context, c store.Collection, item store.WorkItem, memo *analysis.Memo) (store.Prepared, error) {
	p := item.Payload
	doc, err := extract.Extract(ctx, extract.Input{
		Data: p.Body, ContentType: p.ContentType, Limits: extract.Limits{Time: pipeline.DocumentTime}, Memory: pipeline.Memory,
	})
	if err != nil {
		if ctx.Err() != nil {
			return store.Prepared{}, fault.Wrap(ctx.Err(), fault.Unavailable, "the work was interrupted")
		}
		if !fault.Is(err, fault.NoText) || p.Title == "" {
			return store.Prepared{}, err
		}
		doc = extract.Document{}
	}
	prepared := store.Prepared{Item: item, Title: p.Title, Metadata: merged(p.Metadata, doc.Metadata)}
	if prepared.Title == "" {
		prepared.Title = cut(doc.Title, MaxTitleBytes)
	}
	prepared.Language = language(c, p.Language, doc.Language, prepared.Title+"\n"+doc.Text)
	chunks := chunk.Split(doc, chunk.Options{
		Strategy: c.Chunking.Strategy, MaxTokens: c.Chunking.MaxTokens, OverlapTokens: c.Chunking.OverlapTokens,
	})
	if len(chunks) == 0 {
		if prepared.Title == "" {
			return store.Prepared{}, fault.New(fault.NoText, "the document holds no text")
		}
		chunks = []chunk.Chunk{{}} // found by its title alone
	}
	analyzer := analysis.For(prepared.Language)
	for _, piece := range chunks {
		prepared.Passages = append(prepared.Passages, store.Passage{
			Text: piece.Text, Context: piece.Context, Start: piece.Start, End: piece.End, Page: piece.Page,
			Terms: memo.Terms(analyzer, store.IndexedText(prepared.Title, piece.Context, piece.Text)),
		})
	}
	return prepared, nil
}

// sampleBytes is how much of a text is enough to tell its language.
const sampleBytes = 4000

// language is the one a document is analysed in: the collection's, or the caller's, the file's or the text's
// own word for it in a collection of any language. It is a bare code such as es; empty when nothing tells.
func language(c store.Collection, declared, found, text string) string {
	if c.Language != store.LanguageAuto && c.Language != "" {
		return c.Language
	}
	for _, tag := range []string{declared, found} {
		code, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if analysis.Supported(code) {
			return code
		}
	}
	return analysis.Detect(cut(text, sampleBytes))
}

// cut shortens s to at most limit bytes, at a character's boundary.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}

// merged adds what the file says of itself to the caller's metadata, which has the last word. Additions that
// break the rules of metadata are dropped as a whole: the caller did not ask for them.
func merged(sent json.RawMessage, found map[string]any) json.RawMessage {
	if len(found) == 0 {
		return sent
	}
	object := make(map[string]any, len(found))
	for field, value := range found {
		object[field] = value
	}
	var own map[string]any
	if len(sent) > 0 && json.Unmarshal(sent, &own) != nil {
		return sent
	}
	for field, value := range own {
		object[field] = value
	}
	out, err := json.Marshal(object)
	if err != nil || ValidateMetadata("metadata", out) != nil {
		return sent
	}
	return out
}
