package pinecone

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/google/uuid"
	sdk "github.com/pinecone-io/go-pinecone/v5/pinecone"
	"google.golang.org/protobuf/types/known/structpb"

	"lindero/store"
)

// recordID names a vector: <tenant>:<collection>:<ordinal>. The tenant stands in it although the namespace is
// the tenant's own, so that a candidate tells whose it is whatever the backend does (wall 4).
func recordID(tenant, collection uuid.UUID, ordinal int64) string {
	return idPrefix(tenant, collection) + strconv.FormatInt(ordinal, 10)
}

func idPrefix(tenant, collection uuid.UUID) string {
	return tenant.String() + ":" + collection.String() + ":"
}

type recordKey struct {
	tenant, collection uuid.UUID
	ordinal            int64
}

// parseID reads what recordID makes, and nothing else.
func parseID(id string) (k recordKey, ok bool) {
	const uuidLength = 36
	if len(id) < 2*uuidLength+3 || len(id) > 2*uuidLength+2+19 || id[uuidLength] != ':' || id[2*uuidLength+1] != ':' {
		return k, false
	}
	var err error
	if k.tenant, err = uuid.Parse(id[:uuidLength]); err != nil {
		return k, false
	}
	if k.collection, err = uuid.Parse(id[uuidLength+1 : 2*uuidLength+1]); err != nil {
		return k, false
	}
	if k.ordinal, err = strconv.ParseInt(id[2*uuidLength+2:], 10, 64); err != nil || k.ordinal < 1 {
		return k, false
	}
	return k, recordID(k.tenant, k.collection, k.ordinal) == id
}

// Metadata of a record, for filters only; what answers show is read from PostgreSQL. The tenant's fields have a
// prefix, so that no name of theirs can stand for one of ours.
const (
	collectionField = "collection"
	documentField   = "document"
	revisionField   = "revision" // the number of the reading that the record is of
	partialField    = "partial"  // the tenant's fields did not fit
	fieldPrefix     = "f_"
)

// maxFields leaves room for our own fields within Pinecone's 40 KB of metadata a record.
const maxFields = 36 << 10

// recorder makes records of one collection, of one reading. What they have in common is made once.
type recorder struct {
	prefix               string // of ids
	collection, revision *structpb.Value
}

func newRecorder(tenant, collection uuid.UUID, reading int64) *recorder {
	return &recorder{
		prefix:     idPrefix(tenant, collection),
		collection: structpb.NewStringValue(collection.String()), revision: structpb.NewNumberValue(float64(reading)),
	}
}

// record is a change as Pinecone takes it, and about how many bytes it is, rather more.
func (r *recorder) record(c *store.VectorChange) (*sdk.Vector, int, error) {
	fields := map[string]*structpb.Value{
		collectionField: r.collection, documentField: structpb.NewStringValue(c.DocumentID), revisionField: r.revision,
	}
	if err := addFields(fields, c.Metadata); err != nil {
		return nil, 0, fmt.Errorf("metadata of document %q: %w", c.DocumentID, err)
	}
	const overhead = 256 // of our own fields and the encoding
	return &sdk.Vector{Id: r.id(c.Ordinal), Values: &c.Vector, Metadata: &structpb.Struct{Fields: fields}},
		4*len(c.Vector) + 2*len(c.Metadata) + len(c.DocumentID) + overhead, nil
}

func (r *recorder) id(ordinal int64) string { return r.prefix + strconv.FormatInt(ordinal, 10) }

func addFields(fields map[string]*structpb.Value, metadata json.RawMessage) error {
	if len(metadata) <= len(`{}`) { // most have none
		return nil
	}
	if len(metadata) > maxFields {
		fields[partialField] = structpb.NewBoolValue(true)
		return nil
	}
	var own map[string]any
	if err := json.Unmarshal(metadata, &own); err != nil {
		return err
	}
	for name, value := range own {
		switch v := value.(type) {
		case nil:
			continue
		case float64:
			if math.IsInf(v, 0) {
				continue
			}
		case []any:
			if len(v) == 0 {
				value = []any{""} // an empty list might be as good as none, and the field exists
			}
		case map[string]any:
			continue
		}
		field, err := structpb.NewValue(value)
		if err != nil {
			return err
		}
		fields[fieldPrefix+name] = field
	}
	return nil
}
