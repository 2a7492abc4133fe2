package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// users are the people behind the requests, each with the cookies that were set for it: request i is that of user
// i % len(users). Whose connection a request takes is another matter: a balancer has to go by the cookie.
type users []user

type user struct {
	mutex   sync.Mutex
	cookies []*http.Cookie
}

// header returns the line with the cookies of a request's user; empty if it has none, or nobody keeps any.
func (u users) header(id int) string {
	if len(u) == 0 {
		return ""
	}
	one := &u[id%len(u)]
	one.mutex.Lock()
	defer one.mutex.Unlock()
	if len(one.cookies) == 0 {
		return ""
	}
	pairs := make([]string, len(one.cookies))
	for i, cookie := range one.cookies {
		pairs[i] = cookie.Name + "=" + cookie.Value
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
}

// take keeps what an answer sets, in the place of what had its name.
func (u users) take(id int, set []*http.Cookie) {
	if len(u) == 0 || len(set) == 0 {
		return
	}
	one := &u[id%len(u)]
	one.mutex.Lock()
	defer one.mutex.Unlock()
	for _, cookie := range set {
		one.cookies = slices.DeleteFunc(one.cookies, func(old *http.Cookie) bool { return old.Name == cookie.Name })
		if cookie.MaxAge >= 0 {
			one.cookies = append(one.cookies, cookie)
		}
	}
}
