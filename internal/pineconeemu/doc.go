// Package pineconeemu is Pinecone in one process, for tests and local use: the control plane (REST) and the data
// plane (gRPC) of API version 2025-10 as the official Go SDK speaks them, with the service's limits, error codes,
// eventual visibility and log sequence numbers, and with exact search in place of its approximate index.
//
// What it adds are the bad days: Inject makes calls fail, hang, lose their connection or come back mutilated, before
// or after their effect, and SetMalice makes Query lie. Calls, Counters, Namespaces and Vectors show what arrived.
//
// It serves dense vectors with the cosine metric in serverless indexes. Where the service's documentation leaves a
// behaviour open, the emulator takes the stricter reading; conformance_test.go lists what it must share with the
// service and runs against the service itself when PINECONE_API_KEY is set.
package pineconeemu
