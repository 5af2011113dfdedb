// Package deployment tests the files by which Lindero is built and deployed: Dockerfile, docker-compose.yml,
// Makefile, linter settings and scripts. They are checked without a container engine.
package deployment
