module pba.dev/hack/init

go 1.22
