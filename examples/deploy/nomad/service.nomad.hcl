# Three instances of the service, updated one after the other. docs/nomad.md explains the numbers.
variable "image" {
  type        = string
  description = "The image, by digest: ghcr.io/example/service@sha256:…"
}

variable "version" {
  type        = string
  description = "What /health says, for verify-deploy.sh: the commit"
}

job "service" {
  type = "service"

  group "service" {
    count = 3

    network {
      port "api" {
        to = 8080
      }
      port "web" {
        to = 8082
      }
      # For Prometheus. It is in no service below.
      port "management" {
        to = 8081
      }
    }

    update {
      max_parallel = 1
      # An instance counts as healthy when its checks have passed for 10 s.
      health_check     = "checks"
      min_healthy_time = "10s"
      # The startup budget of 300 s, and the time for that.
      healthy_deadline  = "330s"
      progress_deadline = "600s"
      auto_revert       = true
    }

    # What ended by itself is started again here, at most 3 times in 5 minutes, and then elsewhere.
    restart {
      attempts = 3
      interval = "5m"
      delay    = "5s"
      mode     = "fail"
    }

    # Migrates before the instance starts. Every instance runs it; a lock in the database makes sure
    # that each migration is applied once, and the others find nothing to do.
    task "migrate" {
      driver = "docker"
      lifecycle {
        hook    = "prestart"
        sidecar = false
      }
      config {
        image = var.image
        args  = ["--mode", "production", "--role", "maintenance", "--apply-migrations"]
      }
      template {
        destination = "secrets/service.env"
        env         = true
        data        = <<-EOF
          {{ with nomadVar "nomad/jobs/service" }}
          DATABASE_URL={{ .database_url }}
          REDIS_URL={{ .redis_url }}
          MANAGEMENT_TOKEN={{ .management_token }}
          SENTRY_DSN={{ .sentry_dsn }}
          {{ end }}
        EOF
      }
      env {
        MODE              = "production"
        MIGRATION_TIMEOUT = "240s"
      }
      resources {
        cpu    = 100
        memory = 128
      }
    }

    task "service" {
      driver = "docker"
      config {
        image = var.image
        args  = ["--mode", "production"]
        ports = ["api", "web", "management"]
      }

      env {
        MODE               = "production"
        DATABASE_CHECK_TTL = "5s"
        REDIS_CHECK_TTL    = "5s"
        MIGRATION_TIMEOUT  = "240s"
        HEALTH_TTL         = "5s"
        HEALTH_TIMEOUT     = "5s"
        HEALTH_DRAIN_DELAY = "5s"
        HEALTH_DRAIN_CAP   = "20s"
        HEALTH_VERSION     = var.version
        RELEASE            = var.version
      }
      template {
        destination = "secrets/service.env"
        env         = true
        # A new secret is a new deployment, and not a restart of all instances at once.
        change_mode = "noop"
        data        = <<-EOF
          {{ with nomadVar "nomad/jobs/service" }}
          DATABASE_URL={{ .database_url }}
          REDIS_URL={{ .redis_url }}
          MANAGEMENT_TOKEN={{ .management_token }}
          SENTRY_DSN={{ .sentry_dsn }}
          {{ end }}
        EOF
      }

      # SIGTERM, and time for the drain delay (5 s), its cap (20 s) and 3 s more. The default is 5 s.
      # The client's max_kill_timeout is 30 s unless set.
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"
      # Out of the catalogue first; whoever reads it has 5 s to do so, and then comes SIGTERM.
      shutdown_delay = "5s"

      service {
        name     = "service"
        port     = "api"
        provider = "consul"

        # Readiness: Consul hands out no instance whose check fails. Nomad's own catalogue would: its servers
        # do not know the results of checks. It restarts nothing, and so has no check_restart.
        check {
          name     = "readiness"
          type     = "http"
          path     = "/readyz"
          method   = "GET"
          interval = "5s"
          timeout  = "3s"
        }
      }

      # A service of its own for liveness, since a failing check of the one above would take the traffic
      # away too, and check_restart counts for the check that it stands in.
      service {
        name     = "service-liveness"
        port     = "api"
        provider = "consul"

        check {
          name     = "liveness"
          type     = "http"
          path     = "/livez"
          method   = "GET"
          interval = "5s"
          timeout  = "3s"
          # 6 failures of 5 s: 30 s. Nothing counts within the startup budget.
          check_restart {
            limit = 6
            grace = "300s"
          }
        }
      }

      resources {
        cpu        = 200
        memory     = 128
        memory_max = 512
      }
    }
  }
}
