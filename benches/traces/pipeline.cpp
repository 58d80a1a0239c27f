// A pipeline of threads over queues: a reader cuts a text into lines, two workers parse lines into
// records, a collector sums them up and frees everything that the others made.
//
// Recorded as pipeline.strata: nearly every object is freed by another thread than its maker.
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

template <typename T> class Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<T> items;
    int writers;
    static constexpr size_t most = 256;

  public:
    explicit Queue(int writers) : writers(writers) {}
    void push(T item) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return items.size() < most; });
        items.push_back(std::move(item));
        changed.notify_all();
    }
    bool pop(T &item) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !items.empty() || writers == 0; });
        if (items.empty()) return false;
        item = std::move(items.front());
        items.pop_front();
        changed.notify_all();
        return true;
    }
    void close() {
        std::lock_guard lock(mutex);
        writers--;
        changed.notify_all();
    }
};

struct Record {
    std::string key;
    std::vector<std::string> fields;
    std::unique_ptr<std::vector<double>> numbers;
};
using Lines = std::unique_ptr<std::vector<std::string>>;
using Records = std::unique_ptr<std::vector<std::unique_ptr<Record>>>;

static unsigned long long state = 88172645463325252ull;
static unsigned draw(unsigned below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state % below;
}

static std::string line() {
    std::string text = "key" + std::to_string(draw(5000));
    for (unsigned n = 2 + draw(7); n > 0; n--) {
        text += ',';
        if (draw(3)) text += std::to_string(draw(1000000) / 7.0);
        else text += std::string(5 + draw(60), 'a' + draw(26));
    }
    return text;
}

static std::unique_ptr<Record> parse(const std::string &text) {
    auto record = std::make_unique<Record>();
    size_t from = text.find(',');
    record->key = text.substr(0, from);
    record->numbers = std::make_unique<std::vector<double>>();
    while (from != std::string::npos) {
        size_t to = text.find(',', from + 1);
        auto field = text.substr(from + 1, to == std::string::npos ? to : to - from - 1);
        if (field[0] <= '9') record->numbers->push_back(std::stod(field));
        record->fields.push_back(std::move(field));
        from = to;
    }
    return record;
}

int main(int argc, char **argv) {
    int batches = argc > 1 ? std::stoi(argv[1]) : 400;
    Queue<Lines> lines(1);
    Queue<Records> records(2);
    std::thread reader([&] {
        for (int b = 0; b < batches; b++) {
            auto batch = std::make_unique<std::vector<std::string>>();
            for (int i = 0; i < 60; i++) batch->push_back(line());
            lines.push(std::move(batch));
        }
        lines.close();
    });
    auto work = [&] {
        Lines batch;
        while (lines.pop(batch)) {
            auto out = std::make_unique<std::vector<std::unique_ptr<Record>>>();
            for (auto &text : *batch) out->push_back(parse(text));
            records.push(std::move(out));
        }
        records.close();
    };
    std::thread first(work), second(work);
    std::map<std::string, std::vector<std::unique_ptr<Record>>> kept;
    Records batch;
    double sum = 0;
    size_t count = 0;
    while (records.pop(batch))
        for (auto &record : *batch) {
            for (double n : *record->numbers) sum += n;
            count++;
            auto &here = kept[record->key];
            here.push_back(std::move(record));
            if (here.size() > 3) here.erase(here.begin());
        }
    reader.join(), first.join(), second.join();
    std::printf("%zu records, %zu keys, sum %.3f\n", count, kept.size(), sum);
}
