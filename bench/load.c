#include "bench/load.h"

#include "caps/cleanup.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum { EVENTS_AT_ONCE = 256, SPARE_DESCRIPTORS = 64 };

/* A request under way. */
struct flight {
	CURL *curl;
	double began;
	struct plugin_reply reply;
};

/* All of them, and the loop that moves them (libcurl's multi_socket interface over epoll). */
struct crowd {
	const struct plugin_request *request;
	const struct load *load;
	struct load_result *result;
	CURLM *multi;
	int epoll;
	double timer; /* when libcurl wants to be called; below 0: never */
	struct flight *flights;
	size_t begun, done;
};

static int watch(CURL *curl, curl_socket_t socket, int what, void *env, void *known)
{
	struct crowd *crowd = env;
	struct epoll_event event = {.data.fd = socket};
	(void)curl;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(crowd->epoll, EPOLL_CTL_DEL, socket, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	epoll_ctl(crowd->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
	/* Any pointer but NULL: the socket is known from now on. */
	curl_multi_assign(crowd->multi, socket, crowd);
	return 0;
}

static int set_timer(CURLM *multi, long milliseconds, void *env)
{
	struct crowd *crowd = env;
	(void)multi;
	crowd->timer = milliseconds < 0 ? -1 : monotonic_seconds() + (double)milliseconds / 1000;
	return 0;
}

static bool ask(struct crowd *crowd, struct flight *flight, struct error *err)
{
	plugin_reply_clear(&flight->reply);
	plugin_request_prepare(crowd->request, flight->curl, &flight->reply);
	curl_easy_setopt(flight->curl, CURLOPT_PRIVATE, flight);
	return curl_multi_add_handle(crowd->multi, flight->curl) == CURLM_OK ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for a request");
}

static bool begin(struct crowd *crowd, struct flight *flight, struct error *err)
{
	if (crowd->begun == crowd->load->requests)
		return true;
	flight->began = monotonic_seconds();
	crowd->begun++;
	return ask(crowd, flight, err);
}

static bool check(const struct crowd *crowd, struct flight *flight, CURLcode code, bool *is_running,
                  struct error *err)
{
	cleanup_process struct process_result answer = {0};
	if (!plugin_reply_take(flight->curl, code, &flight->reply, &answer, is_running, err))
		return false;
	if (*is_running)
		return true;
	if (answer.status != 0 || strcmp(answer.output, crowd->load->expected) != 0)
		return error_set(err, ERROR_SYSTEM, "a request gets status %d and \"%.100s\": %s",
		                 answer.status, answer.output, answer.complaint);
	return true;
}

/* What is answered is checked, and its connection takes the next request; a step that goes on is
 * asked for again, as the agent does. */
static bool reap(struct crowd *crowd, struct error *err)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(crowd->multi, &left)) != NULL) {
		struct flight *flight = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&flight);
		bool is_running = false;
		curl_multi_remove_handle(crowd->multi, flight->curl);
		if (!check(crowd, flight, code, &is_running, err))
			return false;
		if (!is_running)
			crowd->result->latencies[crowd->done++] = monotonic_seconds() - flight->began;
		if (!(is_running ? ask : begin)(crowd, flight, err))
			return false;
	}
	return true;
}

static bool turn(struct crowd *crowd, struct error *err)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int running, wait = -1;
	if (crowd->timer >= 0) {
		double left = crowd->timer - monotonic_seconds();
		wait = left > 0 ? (int)(left * 1000) + 1 : 0;
	}
	int count = epoll_wait(crowd->epoll, events, EVENTS_AT_ONCE, wait);
	if (count < 0 && errno != EINTR)
		return error_set_errno(err, errno, "epoll_wait");
	if (crowd->timer >= 0 && crowd->timer <= monotonic_seconds()) {
		crowd->timer = -1;
		curl_multi_socket_action(crowd->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	for (int i = 0; i < count; i++) {
		int what = (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0) |
		           (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
		curl_multi_socket_action(crowd->multi, events[i].data.fd, what, &running);
	}
	return reap(crowd, err);
}

static bool open_crowd(struct crowd *crowd, struct error *err)
{
	crowd->multi = curl_multi_init();
	crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
	crowd->flights = calloc(crowd->load->concurrency, sizeof *crowd->flights);
	crowd->result->latencies = calloc(crowd->load->requests, sizeof(double));
	if (crowd->multi == NULL || crowd->epoll < 0 || crowd->flights == NULL ||
	    crowd->result->latencies == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the requests");
	curl_multi_setopt(crowd->multi, CURLMOPT_SOCKETFUNCTION, watch);
	curl_multi_setopt(crowd->multi, CURLMOPT_SOCKETDATA, crowd);
	curl_multi_setopt(crowd->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(crowd->multi, CURLMOPT_TIMERDATA, crowd);
	curl_multi_setopt(crowd->multi, CURLMOPT_MAXCONNECTS, (long)crowd->load->concurrency + 1);
	for (unsigned i = 0; i < crowd->load->concurrency; i++) {
		crowd->flights[i].curl = plugin_server_client(crowd->request->server);
		if (crowd->flights[i].curl == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the requests");
	}
	return true;
}

static void close_crowd(struct crowd *crowd)
{
	for (unsigned i = 0; crowd->flights != NULL && i < crowd->load->concurrency; i++) {
		if (crowd->flights[i].curl == NULL)
			continue;
		curl_multi_remove_handle(crowd->multi, crowd->flights[i].curl);
		curl_easy_cleanup(crowd->flights[i].curl);
		plugin_reply_clear(&crowd->flights[i].reply);
	}
	curl_multi_cleanup(crowd->multi);
	if (crowd->epoll >= 0)
		close(crowd->epoll);
	free(crowd->flights);
}

bool load_run(const struct plugin_request *request, const struct load *load,
              struct load_result *result, struct error *err)
{
	struct crowd crowd = {
	    .request = request, .load = load, .result = result, .epoll = -1, .timer = -1};
	bool went_well = open_crowd(&crowd, err);
	double began = monotonic_seconds();
	for (unsigned i = 0; went_well && i < load->concurrency; i++)
		went_well = begin(&crowd, &crowd.flights[i], err);
	while (went_well && crowd.done < load->requests)
		went_well = turn(&crowd, err);
	result->wall = monotonic_seconds() - began;
	close_crowd(&crowd);
	return went_well;
}

bool load_raise_limit(unsigned connections)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)connections + SPARE_DESCRIPTORS;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return false;
	if (limit.rlim_cur >= wanted)
		return true;
	if (limit.rlim_max < wanted)
		return false;
	limit.rlim_cur = wanted;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}
