module pba.dev/hack/loadlab

go 1.22
