package pineconeemu

import (
	"context"
	"fmt"

	_ "github.com/pinecone-io/go-pinecone/v5/pinecone" // registers the descriptors and message types of VectorService
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// serviceName is Pinecone's data plane. Its proto file has no package, so neither has the name.
const serviceName = "VectorService"

// call answers one request of the service with a message that newCodec's codec can send.
type call func(ctx context.Context, method string, request proto.Message) (any, error)

// describeService builds the gRPC description of VectorService whose every method is answered by answer. The SDK's
// generated stubs are internal to it, and generating our own would register the same names twice, which panics.
func describeService(answer call) (*grpc.ServiceDesc, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(serviceName)
	if err != nil {
		return nil, fmt.Errorf("the SDK does not describe %s: %w", serviceName, err)
	}
	service, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is not a service", serviceName)
	}
	description := &grpc.ServiceDesc{ServiceName: serviceName, HandlerType: (*any)(nil), Metadata: service.ParentFile().Path()}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		input, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", method.FullName(), err)
		}
		description.Methods = append(description.Methods, describeMethod(string(method.Name()), input, answer))
	}
	return description, nil
}

func describeMethod(name string, input protoreflect.MessageType, answer call) grpc.MethodDesc {
	handle := func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		request := input.New().Interface()
		if err := decode(request); err != nil {
			return nil, err
		}
		handler := func(ctx context.Context, request any) (any, error) { return answer(ctx, name, request.(proto.Message)) }
		if intercept == nil {
			return handler(ctx, request)
		}
		return intercept(ctx, request, &grpc.UnaryServerInfo{FullMethod: "/" + serviceName + "/" + name}, handler)
	}
	return grpc.MethodDesc{MethodName: name, Handler: handle}
}
