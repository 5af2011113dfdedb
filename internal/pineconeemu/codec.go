package pineconeemu

import (
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that this one wraps
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// codec is gRPC's protobuf codec, except that it sends messages marked truncated in a form that does not parse.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

// truncated is an answer of which only the first half is sent.
type truncated struct{ message proto.Message }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	t, ok := v.(truncated)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	whole, err := proto.Marshal(t.message)
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(firstHalf(t.message, whole))}, nil
}

// firstHalf cuts an encoded message within a field: between two fields the rest would still parse.
func firstHalf(message proto.Message, whole []byte) []byte {
	for end := len(whole) / 2; end > 0; end-- {
		if proto.Unmarshal(whole[:end], message.ProtoReflect().New().Interface()) != nil {
			return whole[:end]
		}
	}
	return []byte{0x0a} // an empty or tiny message: a field's tag without its length
}
