package deployment

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// root is the repository's directory, seen from this package.
const root = "../.."

type service struct {
	Image       string
	Build       struct{ Context string }
	Command     []string
	Environment map[string]string
	Profiles    []string
	Restart     string
	Ports       []string
	Volumes     []string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct {
		Test    []string
		Disable bool
	}
}

type compose struct {
	Services map[string]service
	Volumes  map[string]any
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.Unmarshal([]byte(readFile(t, "docker-compose.yml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// readVariables finds the environment variables that the program's flags and settings name.
func readVariables(t *testing.T) []string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(root, "cmd/lindero/*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources of the program: %v", err)
	}
	var found []string
	for _, source := range sources {
		content, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`env:"([A-Z_,]+)"`).FindAllStringSubmatch(string(content), -1) {
			found = append(found, strings.Split(match[1], ",")...)
		}
	}
	return found
}

func TestComposeServices(t *testing.T) {
	t.Parallel()
	c, known := readCompose(t), readVariables(t)
	for name, command := range map[string]string{"migrate": "migrate", "server": "serve", "worker": "worker"} {
		s, ok := c.Services[name]
		if !ok {
			t.Errorf("no service %s", name)
			continue
		}
		if !slices.Equal(s.Command, []string{command}) || s.Build.Context != "." {
			t.Errorf("%s runs %v, built from %q", name, s.Command, s.Build.Context)
		}
		for variable := range s.Environment {
			if !slices.Contains(known, variable) {
				t.Errorf("%s sets %s, which Lindero does not read", name, variable)
			}
		}
	}
	if got := c.Services["postgres"].Image; got != "pgvector/pgvector:pg17" {
		t.Errorf("database image %s", got)
	}
	if !slices.Equal(c.Services["worker"].Profiles, []string{"worker"}) {
		t.Error("workers start without being asked for")
	}
}

func TestComposeStartsInOrder(t *testing.T) {
	t.Parallel()
	services := readCompose(t).Services
	for _, c := range []struct{ service, needs, condition string }{
		{"migrate", "postgres", "service_healthy"},
		{"server", "migrate", "service_completed_successfully"},
		{"worker", "migrate", "service_completed_successfully"},
	} {
		if got := services[c.service].DependsOn[c.needs].Condition; got != c.condition {
			t.Errorf("%s waits for %s: %q, want %q", c.service, c.needs, got, c.condition)
		}
	}
	if services["migrate"].Restart != "no" {
		t.Error("the one-shot migration is restarted for ever")
	}
	if len(services["postgres"].Healthcheck.Test) == 0 {
		t.Error("nobody can wait for a database without a health check")
	}
}

func TestComposeKeepsRolesApart(t *testing.T) {
	t.Parallel()
	services := readCompose(t).Services
	for name, s := range services {
		if url := s.Environment["LINDERO_MIGRATE_DATABASE_URL"]; url != "" && name != "migrate" {
			t.Errorf("%s holds the owner's credential", name)
		}
		for variable, user := range map[string]string{
			"LINDERO_DATABASE_URL": "lindero_app", "LINDERO_PLATFORM_DATABASE_URL": "lindero_platform",
		} {
			if url := s.Environment[variable]; url != "" && !strings.HasPrefix(url, "postgres://"+user+":") {
				t.Errorf("%s connects as another than %s: %s", name, user, variable)
			}
		}
	}
	for _, port := range services["server"].Ports {
		if !strings.HasPrefix(port, "127.0.0.1:") {
			t.Errorf("port %s is open to the network although the default passwords are public", port)
		}
	}
	if len(services["postgres"].Ports) > 0 {
		t.Error("the database is reachable from outside")
	}
}

func TestPineconeLocalIsOptionalAndPrivate(t *testing.T) {
	t.Parallel()
	s, ok := readCompose(t).Services["pinecone"]
	if !ok || s.Image != "ghcr.io/pinecone-io/pinecone-local:latest" || !slices.Equal(s.Profiles, []string{"pinecone"}) {
		t.Fatalf("service %+v", s)
	}
	// The control plane's port and those that it gives to indexes are the same inside and outside, as it names them.
	if port := s.Environment["PORT"]; !slices.Equal(s.Ports, []string{"127.0.0.1:" + port + "-5090:" + port + "-5090"}) {
		t.Errorf("it listens on %s, open are %v; it checks no API key, so they must be this machine's only", port, s.Ports)
	}
}

func TestHealthChecksAskReadyz(t *testing.T) {
	t.Parallel()
	if check := strings.Join(readCompose(t).Services["server"].Healthcheck.Test, " "); !strings.HasSuffix(check, "/readyz") {
		t.Errorf("the server's health check is %q", check)
	}
	if !strings.Contains(readFile(t, "Dockerfile"), "/readyz") {
		t.Error("the image's health check does not ask /readyz")
	}
}

func TestMountedFilesExist(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	for name, s := range c.Services {
		for _, mount := range s.Volumes {
			source, _, _ := strings.Cut(mount, ":")
			if _, named := c.Volumes[source]; named {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
	}
}
