package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ask sends one search and reads the whole answer into buffer. The body was encoded before and the answer is decoded,
// if at all, afterwards: neither belongs to the service's time.
func (b *Bench) ask(ctx context.Context, s *subject, body []byte, buffer *bytes.Buffer) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.cfg.Deployment.URL+"/v1/search", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+s.key)
	request.Header.Set("Content-Type", "application/json")
	buffer.Reset()
	started := time.Now()
	response, err := b.http.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = buffer.ReadFrom(response.Body)
	took := time.Since(started)
	if closing := response.Body.Close(); err == nil {
		err = closing
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = &refusal{response.StatusCode, firstBytes(buffer.Bytes())}
	}
	return took, err
}

// refusal is an answer other than 200.
type refusal struct {
	status int
	body   []byte
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.body) }

func firstBytes(body []byte) []byte { return bytes.Clone(body[:min(len(body), 300)]) }

// hits asks and returns the chunks found, best first.
func (b *Bench) hits(ctx context.Context, s *subject, body []byte) ([]int, error) {
	var buffer bytes.Buffer
	if _, err := b.ask(ctx, s, body, &buffer); err != nil {
		return nil, err
	}
	var answer struct {
		Results []struct {
			DocumentID string `json:"document_id"`
		} `json:"results"`
	}
	if err := json.NewDecoder(&buffer).Decode(&answer); err != nil && err != io.EOF {
		return nil, err
	}
	found := make([]int, len(answer.Results))
	for i, r := range answer.Results {
		var err error
		if found[i], err = chunkOf(r.DocumentID); err != nil {
			return nil, fmt.Errorf("an answer has document %q, which is none of the tenant's", r.DocumentID)
		}
	}
	return found, nil
}
