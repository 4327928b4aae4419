// Visitors see times in the time zone of their browser. The server doesn't know it, so it writes them in the site's zone.
"use strict";
{
  const HOUR = 3_600_000;
  const DAY = 24 * HOUR;
  // The words of accounts/templatetags/times.py in the language of the page.
  const words = JSON.parse(document.querySelector("meta[name='time-words']").content);

  const formatter = (options) => new Intl.DateTimeFormat(document.documentElement.lang, options);
  const partOf = (time, type, options) => formatter(options).formatToParts(time).find((part) => part.type === type)?.value ?? "";
  const weekday = formatter({ weekday: "long" });
  const shortWeekday = formatter({ weekday: "short" });
  const shortMonth = formatter({ month: "short" });
  const longMonth = formatter({ month: "long" });

  const dayNumber = (time) => Date.UTC(time.getFullYear(), time.getMonth(), time.getDate()) / DAY;
  const twoDigits = (number) => String(number).padStart(2, "0");

  // In a format of Django's date filter. Each language has its own, and translations of ours may use other letters.
  function inFormat(format, time) {
    const hour = time.getHours() % 12 || 12;
    const half = () => partOf(time, "dayPeriod", { hour: "numeric", hour12: true });
    const parts = {
      j: () => time.getDate(),
      d: () => twoDigits(time.getDate()),
      n: () => time.getMonth() + 1,
      m: () => twoDigits(time.getMonth() + 1),
      M: () => shortMonth.format(time),
      N: () => shortMonth.format(time),
      F: () => longMonth.format(time),
      // The form of the month in a date, which differs in languages such as Polish.
      E: () => partOf(time, "month", { day: "numeric", month: "long" }),
      Y: () => time.getFullYear(),
      y: () => twoDigits(time.getFullYear() % 100),
      D: () => shortWeekday.format(time),
      l: () => weekday.format(time),
      H: () => twoDigits(time.getHours()),
      G: () => time.getHours(),
      h: () => twoDigits(hour),
      g: () => hour,
      i: () => twoDigits(time.getMinutes()),
      s: () => twoDigits(time.getSeconds()),
      a: half,
      A: half,
      P: () => `${hour}${time.getMinutes() ? `:${twoDigits(time.getMinutes())}` : ""} ${half()}`,
      // The zone of the browser goes without saying.
      T: () => "",
    };
    return format.replace(/\\(.)|[A-Za-z]/g, (letter, escaped) => escaped ?? parts[letter]?.() ?? letter);
  }

  const dateOf = (time, now) => inFormat(time.getFullYear() === now.getFullYear() ? words.date : words.dateOfAnotherYear, time);

  // The texts that depend on the time zone follow the same rules as those of the server. Null for the others.
  function textAgo(time, now) {
    const age = now - time;
    if (age < 6 * HOUR) return null;
    const days = dayNumber(now) - dayNumber(time);
    if (days === 0) return words.hours[Math.floor(age / HOUR)];
    if (days === 1) return words.yesterday;
    return words.days[days] ?? dateOf(time, now);
  }

  function textSince(time, now) {
    const days = dayNumber(now) - dayNumber(time);
    if (days <= 0) return inFormat(words.clock, time);
    if (days === 1) return words.yesterday;
    return days < 7 ? weekday.format(time) : dateOf(time, now);
  }

  function convert() {
    const now = new Date();
    for (const element of document.querySelectorAll("main time[data-full]")) {
      element.textContent = inFormat(words.full, new Date(element.dateTime));
    }
    for (const element of document.querySelectorAll("main time[title]")) {
      const time = new Date(element.dateTime);
      const text = (element.hasAttribute("data-since") ? textSince : textAgo)(time, now);
      element.title = inFormat(words.full, time);
      if (text) element.textContent = text;
    }
  }

  convert();
  document.addEventListener("htmx:afterSwap", convert);
}
