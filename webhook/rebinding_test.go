package webhook

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers look-ups of IPv4 addresses over real UDP, by a script: the nth look-up of a name gets the nth
// answer, and the last one is repeated. Unknown names do not exist.
type nameServer struct {
	conn net.PacketConn

	mu      sync.Mutex
	answers map[string][][]string // by name with its final dot
}

func newNameServer(t *testing.T, answers map[string][][]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{conn: conn, answers: answers}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve()
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (s *nameServer) serve() {
	packet := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		var query dnsmessage.Message
		if query.Unpack(packet[:n]) != nil || len(query.Questions) != 1 {
			continue
		}
		answer := s.answer(query)
		if packed, err := answer.Pack(); err == nil {
			_, _ = s.conn.WriteTo(packed, from)
		}
	}
}

func (s *nameServer) answer(query dnsmessage.Message) dnsmessage.Message {
	question := query.Questions[0]
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: query.ID, Response: true, RecursionAvailable: true, RCode: dnsmessage.RCodeSuccess},
		Questions: query.Questions,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	script, known := s.answers[question.Name.String()]
	if !known {
		answer.RCode = dnsmessage.RCodeNameError
		return answer
	}
	if question.Type != dnsmessage.TypeA {
		return answer
	}
	for _, text := range script[0] {
		answer.Answers = append(answer.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(text).As4()},
		})
	}
	if len(script) > 1 {
		s.answers[question.Name.String()] = script[1:]
	}
	return answer
}

// TestRebindingIsNoticed has a name mean an allowed address at the first look-up and this machine at the second.
// The receiver counts who gets through. 127.0.0.2 stands for the public address; 127.0.0.1 is not allowed.
func TestRebindingIsNoticed(t *testing.T) {
	t.Parallel()
	var inside, outside atomic.Int64
	internal := receive(t, func(http.ResponseWriter, *http.Request) { inside.Add(1) })
	port := mustPort(t, internal)
	listener, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("this machine has no second loopback address: %v", err)
	}
	public := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { outside.Add(1) }), ReadHeaderTimeout: time.Minute}
	go func() { _ = public.Serve(listener) }()
	t.Cleanup(func() { _ = public.Close() })
	resolver := newNameServer(t, map[string][][]string{
		"rebinds.example.": {{"127.0.0.2"}, {"127.0.0.1"}},
		"inside.example.":  {{"127.0.0.1"}},
		"meta.example.":    {{"169.254.169.254"}},
		"mixed.example.":   {{"127.0.0.1", "127.0.0.2"}},
	})
	sender := NewSender(Config{Resolver: resolver, Timeout: time.Minute, Policy: Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}})
	send := func(host string) string {
		got := sender.Send(t.Context(), delivery("http://"+host+":"+port+"/"))
		if got.Delivered != (got.Code == "") {
			t.Errorf("%+v", got)
		}
		return got.Code
	}
	if code := send("rebinds.example"); code != "" || outside.Load() != 1 {
		t.Fatalf("the first attempt: %q, %d got through", code, outside.Load())
	}
	for _, host := range []string{"rebinds.example", "inside.example", "meta.example", "unknown.example"} {
		if code := send(host); code != "address" {
			t.Errorf("%s: %q", host, code)
		}
	}
	if code := send("mixed.example"); code != "" { // the address that is allowed is used, the other passed over
		t.Errorf("mixed: %q", code)
	}
	if inside.Load() != 0 || outside.Load() != 2 {
		t.Errorf("%d got inside, %d outside", inside.Load(), outside.Load())
	}
}

func mustPort(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}
