# Registers an instance with the Consul agent of its machine, for /etc/consul.d. Consul DNS, its mesh and
# consul-template hand out the instances whose checks pass. docs/consul.md explains the numbers.
service {
  id      = "service-1"
  name    = "service"
  port    = 8080
  tags    = ["http"]

  check {
    id       = "service-1-readyz"
    name     = "readiness"
    http     = "http://127.0.0.1:8080/readyz"
    method   = "GET"
    # Out within 1 s + 1 s + 1 s: before the drain delay of 5 s has passed.
    interval = "1s"
    timeout  = "1s"

    # Not passing until it was asked: an instance gets no traffic on trust.
    status                   = "critical"
    success_before_passing   = 1
    failures_before_critical = 2

    # The answer is a status only, and a redirect would be a mistake.
    disable_redirects = true
    output_max_size   = 1024

    # There is no deregister_critical_service_after: a database that is down for an hour would take
    # every instance out of the catalogue, and none comes back by itself.
  }
}
