// A small load generator with grpc-go's client on one channel, as users of grpc-go have it: what becomes of
// calls while connections come and go. For comparison with plimsoll's clients, and for that alone.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type loadResult struct {
	Planned  int64            `json:"planned"`
	Answered int64            `json:"answered"`
	Failed   map[string]int64 `json:"failed"`
	Seconds  float64          `json:"seconds"`
	Version  string           `json:"version"`
}

// load drives DoFormat: a closed loop of so many calls, or, with a rate, an open loop.
func load(address string, written []string) error {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	concurrency := flags.Int("concurrency", 1, "calls in flight in the closed loop")
	calls := flags.Int64("calls", 100, "calls in total")
	rate := flags.Float64("rate", 0, "calls per second of an open loop; 0: closed loop")
	flags.Parse(written)

	channel, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer channel.Close()
	text := strings.Repeat("a", 62)
	request, right := wrapperspb.String(text), strings.ToUpper(text)
	result := loadResult{Failed: map[string]int64{}, Version: version}
	var lock sync.Mutex
	call := func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		reply := new(wrapperspb.StringValue)
		err := channel.Invoke(ctx, "/"+service+"/"+method, request, reply)
		lock.Lock()
		defer lock.Unlock()
		result.Planned++
		if err == nil && reply.Value == right {
			result.Answered++
		} else {
			status := status.Convert(err)
			result.Failed[status.Code().String()+": "+status.Message()]++
		}
	}
	channel.Connect()
	since := time.Now()
	var group sync.WaitGroup
	if *rate > 0 {
		for k := int64(0); k < *calls; k++ {
			time.Sleep(time.Until(since.Add(time.Duration(float64(k) / *rate * float64(time.Second)))))
			group.Add(1)
			go func() {
				defer group.Done()
				call()
			}()
		}
	} else {
		var started atomic.Int64
		for range *concurrency {
			group.Add(1)
			go func() {
				defer group.Done()
				for started.Add(1) <= *calls {
					call()
				}
			}()
		}
	}
	group.Wait()
	result.Seconds = time.Since(since).Seconds()
	return json.NewEncoder(os.Stdout).Encode(result)
}
