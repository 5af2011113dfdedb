package pineconeemu

import (
	"math"
	"strconv"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// The service's limits: https://docs.pinecone.io/reference/api/database-limits.
const (
	maxDimension     = 20_000
	maxUpsertRecords = 1000
	maxUpsertBytes   = 2 << 20
	maxRequestBytes  = 4 << 20
	maxAnswerBytes   = 4 << 20 // of a query
	maxMetadataBytes = 40 << 10
	maxTopK          = 10_000
	maxTopKWithData  = 1000 // with values or metadata
	maxIDs           = 1000 // of one fetch or delete
	maxNameLength    = 512  // of a record's id or a namespace
	maxPage          = 100  // ids or namespaces a page
)

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// checkSize refuses requests that are too long, with the codes the service was seen to use.
func checkSize(method string, request proto.Message) error {
	size := proto.Size(request)
	if size > maxRequestBytes {
		return status.Errorf(codes.OutOfRange, "Error, message length too large: found %d bytes, the limit is: %d bytes", size, maxRequestBytes)
	}
	if method == "Upsert" && size > maxUpsertBytes {
		return invalid("Request size %dMB exceeds the maximum supported size of %d bytes", size>>20, maxUpsertBytes)
	}
	return nil
}

func checkNamespace(name string) error {
	if len(name) > maxNameLength || !isPlainASCII(name) {
		return invalid("A namespace has at most %d ASCII characters, got '%s'", maxNameLength, cut(name))
	}
	return nil
}

func checkID(id string) error {
	switch {
	case id == "":
		return invalid("Vector ID must not be empty")
	case !isPlainASCII(id):
		return invalid("Vector ID must be ASCII, but got '%s'", cut(id))
	case len(id) > maxNameLength:
		return invalid("Vector ID must be at most %d characters, but got %d", maxNameLength, len(id))
	}
	return nil
}

func checkIDs(ids []string) error {
	if len(ids) == 0 {
		return invalid("At least one vector ID must be provided")
	}
	if len(ids) > maxIDs {
		return invalid("Too many IDs in the request: %d, the limit is %d", len(ids), maxIDs)
	}
	for _, id := range ids {
		if err := checkID(id); err != nil {
			return err
		}
	}
	return nil
}

// checkValues refuses vectors of another dimension and values that are not numbers.
func checkValues(values []float32, dimension int) error {
	if len(values) != dimension {
		return invalid("Vector dimension %d does not match the dimension of the index %d", len(values), dimension)
	}
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return invalid("Vector values must be finite, got %v at position %d", v, i)
		}
	}
	return nil
}

// checkStored refuses what may be searched for but not stored: a zero vector has no direction.
func checkStored(id string, values []float32, dimension int) error {
	if err := checkValues(values, dimension); err != nil {
		return err
	}
	for _, v := range values {
		if v != 0 {
			return nil
		}
	}
	return invalid("Dense vectors must contain at least one non-zero value. Vector ID '%s' contains only zeros", id)
}

func checkMetadata(m *structpb.Struct) error {
	for field, value := range m.GetFields() {
		if !isMetadata(value) {
			return invalid("Metadata value must be a string, number, boolean or list of strings, got '%s' for field '%s'", show(value), cut(field))
		}
	}
	if size := metadataSize(m); size > maxMetadataBytes {
		return invalid("metadata size is %d bytes, which exceeds the limit of %d bytes per vector", size, maxMetadataBytes)
	}
	return nil
}

func isMetadata(value *structpb.Value) bool {
	switch v := value.GetKind().(type) {
	case *structpb.Value_ListValue:
		for _, element := range v.ListValue.GetValues() {
			if _, ok := element.GetKind().(*structpb.Value_StringValue); !ok {
				return false
			}
		}
		return true
	case *structpb.Value_NumberValue:
		return !math.IsNaN(v.NumberValue) && !math.IsInf(v.NumberValue, 0)
	}
	return isScalar(value)
}

// metadataSize is the length of the metadata as compact JSON, taking every character as it is.
func metadataSize(m *structpb.Struct) int {
	size := len("{}")
	for field, value := range m.GetFields() {
		size += len(field) + len(`"":,`) + valueSize(value)
	}
	return size
}

func valueSize(value *structpb.Value) int {
	switch v := value.GetKind().(type) {
	case *structpb.Value_StringValue:
		return len(v.StringValue) + len(`""`)
	case *structpb.Value_NumberValue:
		return len(strconv.FormatFloat(v.NumberValue, 'g', -1, 64))
	case *structpb.Value_ListValue:
		size := len("[]")
		for _, element := range v.ListValue.GetValues() {
			size += valueSize(element) + len(",")
		}
		return size
	}
	return len("false")
}

func isPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] == 0 || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cut keeps the callers' text in messages short.
func cut(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
