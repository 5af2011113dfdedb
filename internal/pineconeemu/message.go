package pineconeemu

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/structpb"
)

// The SDK's message types are internal to it, but their accessors are not: requests are read through these.
type (
	namespaced    interface{ GetNamespace() string }
	vectorMessage interface {
		GetId() string
		GetValues() []float32
		GetMetadata() *structpb.Struct
	}
	deleteRequest interface {
		GetIds() []string
		GetDeleteAll() bool
		GetFilter() *structpb.Struct
	}
	fetchRequest interface{ GetIds() []string }
	pageRequest  interface {
		GetPrefix() string
		GetLimit() uint32
		GetPaginationToken() string
	}
	fetchByMetadataRequest interface {
		GetFilter() *structpb.Struct
		GetLimit() uint32
		GetPaginationToken() string
	}
	queryRequest interface {
		GetId() string
		GetVector() []float32
		GetTopK() uint32
		GetFilter() *structpb.Struct
		GetIncludeValues() bool
		GetIncludeMetadata() bool
	}
	updateRequest interface {
		GetId() string
		GetValues() []float32
		GetSetMetadata() *structpb.Struct
		GetFilter() *structpb.Struct
		GetDryRun() bool
	}
	statsRequest           interface{ GetFilter() *structpb.Struct }
	createNamespaceRequest interface{ GetName() string }
)

// has reports whether a field is set, for those whose type has no accessor of a type known here.
func has(m proto.Message, field protoreflect.Name) bool {
	r := m.ProtoReflect()
	return r.Has(r.Descriptor().Fields().ByName(field))
}

// vectorsOf are the records of an upsert.
func vectorsOf(upsert proto.Message) []proto.Message {
	r := upsert.ProtoReflect()
	list := r.Get(r.Descriptor().Fields().ByName("vectors")).List()
	vectors := make([]proto.Message, list.Len())
	for i := range vectors {
		vectors[i] = list.Get(i).Message().Interface()
	}
	return vectors
}

// answer is a message being filled in, by the names of its fields.
type answer struct{ m protoreflect.Message }

func newAnswer(name protoreflect.FullName) answer {
	t, err := protoregistry.GlobalTypes.FindMessageByName(name)
	if err != nil {
		panic(fmt.Sprintf("pineconeemu: the SDK has no message %s: %v", name, err)) // the tests build each one
	}
	return answer{t.New()}
}

func (a answer) message() proto.Message { return a.m.Interface() }

func (a answer) field(name protoreflect.Name) protoreflect.FieldDescriptor {
	return a.m.Descriptor().Fields().ByName(name)
}

// set gives a scalar field its value, which must be of exactly the field's Go type.
func (a answer) set(name protoreflect.Name, value any) answer {
	a.m.Set(a.field(name), protoreflect.ValueOf(value))
	return a
}

// sub is the message in a field.
func (a answer) sub(name protoreflect.Name) answer {
	return answer{a.m.Mutable(a.field(name)).Message()}
}

// add appends a message to a list.
func (a answer) add(name protoreflect.Name) answer {
	return answer{a.m.Mutable(a.field(name)).List().AppendMutable().Message()}
}

// entry is a new message in a map with string keys.
func (a answer) entry(name protoreflect.Name, key string) answer {
	return answer{a.m.Mutable(a.field(name)).Map().Mutable(protoreflect.ValueOfString(key).MapKey()).Message()}
}

// setRecord fills in what Vector and ScoredVector have in common; nil parts are left out.
func (a answer) setRecord(id string, values []float32, metadata *structpb.Struct) {
	a.set("id", id)
	if len(values) > 0 {
		list := a.m.Mutable(a.field("values")).List()
		for _, v := range values {
			list.Append(protoreflect.ValueOfFloat32(v))
		}
	}
	if metadata != nil {
		a.m.Set(a.field("metadata"), protoreflect.ValueOfMessage(metadata.ProtoReflect()))
	}
}

// setUsage says what the call cost, in read units.
func (a answer) setUsage(units int) { a.sub("usage").set("read_units", uint32(max(1, units))) }
