package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The shared cluster of test processes that nobody gave one. Each of them holds a shared lock on the file
// "users" for as long as it lives; whoever finds no server starts a keeper (keeper.go), which ends the server
// when it gets that lock for itself, that is when no test process is left.

// keeperStart is how long a keeper may take to initialise and start the cluster.
const keeperStart = 90 * time.Second

// membership is this process's shared lock on "users". It hangs on a variable because the collector closes, and
// thereby unlocks, a file that nobody refers to.
var membership *os.File

func joinSharedCluster() (string, error) {
	dir, err := sharedDir()
	if err != nil {
		return "", err
	}
	if err := becomeUser(dir); err != nil {
		return "", err
	}
	starting, err := lockFile(filepath.Join(dir, "starting"), syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer func() { _ = starting.Close() }()
	if url, err := runningURL(dir); err == nil {
		return url, nil
	}
	return startKeeper(dir)
}

func becomeUser(dir string) (err error) {
	membership, err = lockFile(filepath.Join(dir, "users"), syscall.LOCK_SH)
	return err
}

// sharedDir is this user's private directory among the temporary files. The server's user must be able to
// enter it, so others may search it; the socket is protected by itself.
func sharedDir() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("lindero-test-%d", os.Geteuid()))
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is in the way: it should be a directory of this user that only it can write", dir)
	}
	return dir, nil
}

func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, err
		}
	}
}

// runningURL returns the URL that the keeper has published, when a server answers there.
func runningURL(dir string) (string, error) {
	content, err := os.ReadFile(filepath.Join(dir, "url"))
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	url := strings.TrimSpace(string(content))
	return url, execute(ctx, url)
}

// startKeeper runs this very test binary again as the keeper, apart from the terminal and from the pipes whose
// end `go test` waits for.
func startKeeper(dir string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	logPath := filepath.Join(dir, "keeper.log")
	log, err := os.Create(logPath)
	if err != nil {
		return "", err
	}
	defer func() { _ = log.Close() }()
	keeper := exec.Command(self)
	keeper.Dir = dir
	keeper.Env = append(os.Environ(), keeperEnv+"="+dir)
	keeper.Stdout, keeper.Stderr = log, log
	keeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := keeper.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- keeper.Wait() }()
	return awaitKeeper(dir, logPath, ended)
}

func awaitKeeper(dir, logPath string, ended <-chan error) (string, error) {
	deadline := time.After(keeperStart)
	for {
		url, err := runningURL(dir)
		if err == nil {
			return url, nil
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(logPath)
			return "", fmt.Errorf("the cluster's keeper ended: %s", strings.TrimSpace(string(said)))
		case <-deadline:
			return "", fmt.Errorf("the shared cluster did not start within %v: %w (see %s)", keeperStart, err, logPath)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
