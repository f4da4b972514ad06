// Ticker prints a line every ten seconds, and serves the time since its start on port 9000.
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"
)

func main() {
	start := time.Now()
	uptime := func() time.Duration { return time.Since(start).Truncate(time.Second) }

	go func() {
		for range time.Tick(10 * time.Second) {
			fmt.Println("up for", uptime())
		}
	}()

	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "uptime: %s\n", uptime())
	})
	log.Fatal(http.ListenAndServe(":9000", nil))
}
