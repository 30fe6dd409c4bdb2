# A Go program with goroutines, signals, files, processes and a network; and Go's compiler.
export GOCACHE=/tmp/go GOFLAGS=-mod=mod GO111MODULE=auto GOPROXY=off GOTOOLCHAIN=local
cat >main.go <<'X'
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

func main() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed, sum := 0, 0
	stop := make(chan bool)
	go func() { // keeps the scheduler preempting with SIGURG
		for x := 0; ; x++ {
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for i := 0; i < 16; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for j := 0; j < 100; j++ {
				name := fmt.Sprintf("f%d-%d", i, j)
				err := os.WriteFile(name, []byte(name), 0o644)
				data, err2 := os.ReadFile(name)
				_, err3 := os.Stat(name)
				err4 := os.Remove(name)
				mu.Lock()
				sum += len(data)
				if err != nil || err2 != nil || err3 != nil || err4 != nil {
					failed++
					fmt.Println(err, err2, err3, err4)
				}
				mu.Unlock()
			}
		}(i)
	}
	wg.Wait()
	fmt.Println("files", failed, sum)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	go http.Serve(l, nil)
	good := 0
	for i := 0; i < 50; i++ {
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		r, err := c.Get("http://" + l.Addr().String() + "/")
		if err != nil {
			fmt.Println(err)
			continue
		}
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if string(b) == "hello" {
			good++
		}
	}
	fmt.Println("http", good)
	for i := 0; i < 20; i++ {
		if out, err := exec.Command("echo", "x").Output(); err != nil || string(out) != "x\n" {
			fmt.Println("exec", err)
		}
	}
	err = exec.Command("/nowhere").Run()
	fmt.Println(err)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-c)
	syscall.Mkfifo("ff", 0o600)
	go func() { time.Sleep(300 * time.Millisecond); os.WriteFile("ff", []byte("fifo"), 0) }()
	data, err := os.ReadFile("ff")
	fmt.Println(string(data), err)
	ctx := exec.Command("sleep", "9")
	ctx.Start()
	ctx.Process.Kill()
	fmt.Println(ctx.Wait())
	u, err := net.Dial("unix", "missing")
	fmt.Println(u, err)
	_, err = net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
	fmt.Println(err)
	close(stop)
	n := 0
	filepath.WalkDir("/usr/lib/python3.11", func(p string, d os.DirEntry, err error) error { n++; return err })
	fmt.Println("walked", n > 1000)
	os.Exit(3)
}
X
same build go build -o prog main.go
same run ./prog
same run-cgo-off bash -c 'CGO_ENABLED=0 go build -o static main.go && ./static'
same vet go vet main.go
same error bash -c 'echo "package main; func main() { x }" >bad.go; go build bad.go'
same gofmt bash -c 'gofmt -l main.go; go version | cut -c 1-10'
