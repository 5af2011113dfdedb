package localpg

import (
	"fmt"
	"os"
	"slices"
)

// arguments of the server. They are given on the command line, not in postgresql.conf, so that a new version
// of Lindero changes them in old data directories too.
func (c *Cluster) arguments() []string {
	settings := []string{
		"listen_addresses=", // the Unix socket only
		"port=" + socketPort,
		"unix_socket_directories=" + c.place.socket,
		"unix_socket_permissions=0700",
		"shared_buffers=" + sharedBuffers(),
		"max_wal_size=2GB",
		"random_page_cost=1.1",
		"autovacuum_naptime=15s", // what is deleted gives its space back within the minute
		"log_min_messages=warning",
		"log_line_prefix=%m [%p] %u@%d ",
		"timezone=UTC",
		"log_timezone=UTC",
	}
	if c.durable {
		settings = append(settings, "max_connections=100")
	} else {
		settings = append(settings, "max_connections=200",
			"fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")
	}
	args := []string{"-D", c.place.data}
	for _, s := range slices.Concat(settings, c.settings) {
		args = append(args, "-c", s)
	}
	return args
}

// sharedBuffers is a sixteenth of the machine's memory, between 128 and 512 MB.
func sharedBuffers() string {
	var kilobytes int
	if f, err := os.Open("/proc/meminfo"); err == nil {
		defer func() { _ = f.Close() }()
		_, _ = fmt.Fscanf(f, "MemTotal: %d kB", &kilobytes)
	}
	return fmt.Sprintf("%dMB", min(max(kilobytes/1024/16, 128), 512))
}
