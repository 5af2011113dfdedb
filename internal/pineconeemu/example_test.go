package pineconeemu_test

import (
	"context"
	"fmt"

	"github.com/pinecone-io/go-pinecone/v5/pinecone"

	"lindero/internal/pineconeemu"
)

// The SDK works against the emulator as against the service; a fault then shows what a caller must expect.
func Example() {
	ctx := context.Background()
	emulator, err := pineconeemu.Start(pineconeemu.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer emulator.Close()
	client, _ := pinecone.NewClient(pinecone.NewClientParams{ApiKey: "any", Host: emulator.ControlURL()})
	dimension := int32(2)
	index, _ := client.CreateServerlessIndex(ctx, &pinecone.CreateServerlessIndexRequest{
		Name: "passages", Dimension: &dimension, Cloud: pinecone.Aws, Region: "us-east-1",
	})
	conn, _ := client.Index(pinecone.NewIndexConnParams{Host: index.Host, Namespace: "t-1"})
	defer conn.Close()

	emulator.Inject(pineconeemu.Fault{Method: "Upsert", Kind: pineconeemu.Unavailable, Applied: true, Times: 1})
	_, err = conn.UpsertVectors(ctx, []*pinecone.Vector{{Id: "a", Values: &[]float32{3, 4}}})
	fmt.Println(err)
	fmt.Println(emulator.Vectors("passages", "t-1"))
	// Output:
	// rpc error: code = Unavailable desc = injected fault: unavailable
	// [{a [3 4] map[]}]
}
