"""The half of the demo that runs in the cluster's network: install, apply, wait, load, scale, check."""

from __future__ import annotations

import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pba_hack.checkout import CHECKOUT
from pba_hack.demo.keeping import keep_cluster, keep_requests
from pba_hack.demo.leaving import await_gone
from pba_hack.demo.picture import Picture, lines, say
from pba_hack.demo.sample import NAME, SAMPLE, sample
from pba_hack.helm import HelmError, install_operator
from pba_hack.kubectl import Kubectl, KubectlError, restricted_namespace, wait_for
from pba_hack.traffic import Client, Load, RequestFailedError, Tally
from pba_hack.traffic.address import clients_address
from pba_hack.traffic.shopper import Shopper, ledger
from pba_hack.waiting import WaitedInVainError

CLIENTS = 6
AT_MOST_SECONDS = 600.0
STEPS = (5, 2)
"""Numbers of backends that the demo scales to, one after another."""


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    requests: int
    namespace: str
    inject_failure: bool
    kept: Path
    """Where it is kept what is needed to find the cause of a failure."""


def _progress(kubectl: Kubectl) -> None:
    """Print each condition as it changes, until Ready is true."""
    seen: dict[str, str] = {}

    def ready() -> bool:
        found = kubectl.get("pbacluster", NAME) or {}
        for entry in found.get("status", {}).get("conditions", ()):
            text = f"{entry['status']:<6}{entry['reason']}"
            if seen.get(entry["type"]) != text:
                seen[entry["type"]] = text
                sys.stdout.write(f"  {entry['type']:<16} {text}\n")
                sys.stdout.flush()
        condition = kubectl.condition(NAME, "Ready")
        return condition is not None and condition["status"] == "True"

    wait_for(f"PBACluster {NAME} to be Ready", ready, 300)


def _backends(kubectl: Kubectl) -> tuple[int, int]:
    status = (kubectl.get("pbacluster", NAME) or {}).get("status", {}).get("backend", {})
    return status.get("replicas", 0), status.get("readyReplicas", 0)


class Show:
    """The traffic, and the scaling under it."""

    def __init__(self, kubectl: Kubectl, host: str, wanted: Wanted) -> None:
        """Prepare clients of the application at `host`."""
        self._kubectl = kubectl
        self._wanted = wanted
        self._picture = Picture()
        self._pause = threading.Event()
        self.shopper = Shopper()
        self.load = Load(host, 80, self._visit, clients=CLIENTS, at_most_seconds=AT_MOST_SECONDS)
        self._to_fail = threading.Semaphore(0)
        """How many visits are still to begin with a request that must fail."""

    def _visit(self, client: Client) -> None:
        if self._to_fail.acquire(blocking=False):
            client.request("GET", "/there-is-no-such-page")
        self.shopper.visit(client)

    def _watch(self, state: str, done: int) -> None:
        """Draw until `done` requests are sent.

        Raises:
            WaitedInVainError: the clients have ended before.
        """
        while self.load.tally.snapshot().sent < done:
            if not self.load.goes_on:
                raise WaitedInVainError(f"waited for {done} requests, and the clients have ended before")
            self._picture.draw(self.load.tally.snapshot(), state)
            self._pause.wait(2.0)

    def _scale(self, number: int) -> None:
        self._kubectl("scale", f"pbacluster/{NAME}", f"--replicas={number}")

        def scaled() -> bool:
            replicas, ready = _backends(self._kubectl)
            self._picture.draw(
                self.load.tally.snapshot(), f"scaling to {number}: {ready} of {replicas} backends ready"
            )
            self._pause.wait(1.5)
            return replicas == ready == number

        wait_for(f"{number} backends", scaled, 180)

    def run(self) -> None:
        """Send traffic through every step of the scaling."""
        share = self._wanted.requests // (len(STEPS) + 1) + 1
        with self.load:
            self._watch(f"{_backends(self._kubectl)[1]} backends", share)
            if self._wanted.inject_failure:
                self._to_fail.release()
            for step, number in enumerate(STEPS, start=2):
                self._scale(number)
                self._watch(f"{number} backends", share * step)


def _verdict(show: Show, host: str) -> bool:
    counts = show.load.tally.snapshot()
    sys.stdout.write("\n".join(lines(counts, "in the end")) + "\n")
    for why, number in counts.by_failure.items():
        sys.stdout.write(f"  failed: {number} x {why}\n")
    with closing(Client(host, 80, Tally())) as client:
        book, lost = ledger(client), len(show.shopper.lost(client))
    sys.stdout.write(
        f"  ledger: {len(show.shopper.acknowledged)} orders acknowledged, {lost} of them lost, "
        f"{book.replayed_orders} doubled on the way, imbalance {book.imbalance_cents}\n"
    )
    sys.stdout.write(f"{counts.failed} failed\n")
    whole = book.balanced and book.imbalance_cents == 0 and book.replayed_orders == 0 and lost == 0
    return whole and counts.failed == 0 and counts.sent == counts.answered


def _look_around(host: str, namespace: str) -> None:
    sys.stdout.write(
        f"""
Look around:
  ./hack/cluster exec -- curl -s http://{host}/whoami
  ./hack/cluster exec -- kubectl --namespace {namespace} get pba,pods,services
  ./hack/cluster exec -- kubectl --namespace {namespace} scale pba/{NAME} --replicas=4
Take it down:
  ./hack/cluster down
"""
    )


def _roll_out(images: dict[str, str], kubectl: Kubectl) -> str:
    """Return the clients' address of a PBACluster that is Ready."""
    say("install the operator (Helm)")
    install_operator(images)
    await_gone(kubectl, "namespace", kubectl.namespace)
    await_gone(kubectl, "pbacluster", NAME)
    say(f"apply {SAMPLE.relative_to(CHECKOUT)} as {kubectl.namespace}/{NAME}")
    restricted_namespace(kubectl.namespace)
    kubectl.apply(sample(kubectl, images))
    _progress(kubectl)
    return clients_address(kubectl, NAME)


def _demo(images: dict[str, str], wanted: Wanted) -> bool:
    kubectl = Kubectl(wanted.namespace)
    host = _roll_out(images, kubectl)
    say(f"sign up, log in, order, invoice: at least {wanted.requests} requests to http://{host}/")
    show = Show(kubectl, host, wanted)
    try:
        show.run()
        good = _verdict(show, host)
    finally:
        keep_requests(wanted.kept, show.load.tally.snapshot().failures)
    _look_around(host, wanted.namespace)
    return good


def run(images: dict[str, str], wanted: Wanted) -> int:
    """Run the inner half; return the exit status, and keep what the cluster holds if it is not 0."""
    try:
        good = _demo(images, wanted)
    except (HelmError, KubectlError, RequestFailedError, WaitedInVainError) as error:
        sys.stderr.write(f"hack/demo: {error}\n")
        good = False
    except Exception:
        keep_cluster(wanted.kept)
        raise
    if not good:
        keep_cluster(wanted.kept)
    return 0 if good else 1
