package extra_test

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/aeriehq/aerie/internal/natstest"
)

// What this program is to be in another network, in its environment.
const (
	asCapture   = "AERIE_TEST_CAPTURE" // keep what goes over an end of a cable
	captureFile = "AERIE_TEST_CAPTURE_FILE"
	asProxy     = "AERIE_TEST_PROXY"   // be an HTTP proxy at an address
	asBreaker   = "AERIE_TEST_BREAKER" // that ends TLS itself
)

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(asCapture) != "":
		err = keepFrames(os.Getenv(asCapture), os.Getenv(captureFile))
	case os.Getenv(asProxy) != "":
		err = beProxy(os.Getenv(asProxy), os.Getenv(asBreaker) != "")
	default:
		os.Exit(m.Run())
	}
	fmt.Println(err)
	os.Exit(1)
}

// keepFrames writes each frame behind its length.
func keepFrames(end, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	in, err := net.InterfaceByName(end)
	if err != nil {
		return err
	}
	const all = syscall.ETH_P_ALL<<8&0xff00 | syscall.ETH_P_ALL>>8 // in the order of the network
	s, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, all)
	if err != nil {
		return err
	}
	if err := syscall.Bind(s, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: in.Index}); err != nil {
		return err
	}
	fmt.Println("listening")
	frame := make([]byte, 4+1<<16)
	for {
		n, _, err := syscall.Recvfrom(s, frame[4:], 0)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		binary.BigEndian.PutUint32(frame, uint32(n))
		if _, err := out.Write(frame[:4+n]); err != nil {
			return err
		}
	}
}

// beProxy lets through what CONNECT asks for, or ends TLS by a certificate of its own.
func beProxy(at string, breaks bool) error {
	var own *tls.Config
	if breaks {
		cert, err := natstest.SelfSigned()
		if err != nil {
			return err
		}
		own = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	s := &http.Server{Addr: at, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		out, err := net.DialTimeout("tcp", r.Host, 10*time.Second)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer out.Close()
		in, ahead, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer in.Close()
		_, _ = io.WriteString(in, "HTTP/1.1 200 go\r\n\r\n")
		if own != nil {
			_ = tls.Server(in, own).Handshake()
			return
		}
		go func() { _, _ = io.Copy(out, ahead) }()
		_, _ = io.Copy(in, out)
	})}
	return s.ListenAndServe()
}
