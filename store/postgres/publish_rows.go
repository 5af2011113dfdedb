package postgres

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"lindero/search/lexical/codec"
	"lindero/store"
)

// publication is a batch of prepared documents as columns, with its lexical segment.
type publication struct {
	collection string
	docs       []store.Prepared
	first      int64
	segmentID  int64
	segment    codec.Segment
	languages  []string

	docKeys      []uuid.UUID
	docVersions  []int64
	docTitles    []string
	docURLs      []string
	docLanguages []string
	docMetadata  []string
	docTypes     []string
	docBytes     []int64
	docChunks    []int32
	fields       fieldColumns

	ordinals  []int64
	keys      []uuid.UUID
	positions []int32
	chunkIDs  []uuid.UUID
	texts     []string
	contexts  []string
	starts    []int32
	ends      []int32
	pages     []int32
	metadata  []*string
	tokens    []int32
	vectors   [][]float32
}

// newPublication gives the passages of docs the ordinals from first on and builds their segment.
func newPublication(c store.Collection, segmentID, first int64, docs []store.Prepared) (*publication, error) {
	p := &publication{collection: c.Name, docs: docs, first: first, segmentID: segmentID}
	var builder codec.Builder
	languages := map[string]bool{}
	ordinal := first
	for i := range docs {
		doc := &docs[i]
		languages[doc.Language] = true
		if err := p.addDocument(doc, ordinal); err != nil {
			return nil, err
		}
		for position := range doc.Passages {
			passage := &doc.Passages[position]
			p.addChunk(doc, passage, position, ordinal)
			if err := builder.Add(ordinal, passage.Terms); err != nil {
				return nil, err
			}
			ordinal++
		}
	}
	p.segment = builder.Build()
	p.languages = slices.Sorted(maps.Keys(languages))
	return p, nil
}

func (p *publication) addDocument(doc *store.Prepared, firstOrdinal int64) error {
	payload := &doc.Item.Payload
	p.docKeys = append(p.docKeys, doc.Item.Key)
	p.docVersions = append(p.docVersions, doc.Item.Version)
	p.docTitles = append(p.docTitles, doc.Title)
	p.docURLs = append(p.docURLs, payload.URL)
	p.docLanguages = append(p.docLanguages, doc.Language)
	p.docMetadata = append(p.docMetadata, objectOrEmpty(doc.Metadata))
	p.docTypes = append(p.docTypes, payload.ContentType)
	p.docBytes = append(p.docBytes, size(payload))
	p.docChunks = append(p.docChunks, int32(len(doc.Passages)))
	return p.fields.add(fieldsOf{key: doc.Item.Key, firstOrdinal: firstOrdinal, chunks: len(doc.Passages)}, doc.Metadata)
}

func (p *publication) addChunk(doc *store.Prepared, passage *store.Passage, position int, ordinal int64) {
	var metadata *string
	if len(passage.Metadata) > 0 {
		text := string(passage.Metadata)
		metadata = &text
	}
	p.ordinals = append(p.ordinals, ordinal)
	p.keys = append(p.keys, doc.Item.Key)
	p.positions = append(p.positions, int32(position))
	p.chunkIDs = append(p.chunkIDs, store.ChunkID(p.collection, doc.Item.DocumentID, position, passage.Text))
	p.texts = append(p.texts, passage.Text)
	p.contexts = append(p.contexts, passage.Context)
	p.starts = append(p.starts, int32(passage.Start))
	p.ends = append(p.ends, int32(passage.End))
	p.pages = append(p.pages, int32(passage.Page))
	p.metadata = append(p.metadata, metadata)
	p.tokens = append(p.tokens, int32(len(passage.Terms)))
	p.vectors = append(p.vectors, passage.Vector)
}

// only is the publication of the documents in valid, within the same ordinals. It is built anew: a posting of
// a document that is not published must not be in the segment.
func (p *publication) only(valid map[uuid.UUID]int64) (*publication, error) {
	var docs []store.Prepared
	for _, doc := range p.docs {
		if _, ok := valid[doc.Item.Key]; ok {
			docs = append(docs, doc)
		}
	}
	return newPublication(store.Collection{CollectionSpec: store.CollectionSpec{Name: p.collection}}, p.segmentID, p.first, docs)
}
