// Package pineconeemu is Pinecone in one process, for tests and local use: its control plane (REST) and its data
// plane (gRPC) as the official Go SDK speaks them, with exact search instead of an approximate index.
package pineconeemu
