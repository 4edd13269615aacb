# انگریزی فہرست: ../en/report.ftl

report-title = رابطوں میں مداخلت پر رپورٹ
report-made = { $program }، ذخیرے کی حالت { $commit }۔ وہی ذخیرہ، حالت، سوال اور ورژن یہی فائل دوبارہ دیتے ہیں، حرف بہ حرف۔
report-days = { $first } تا { $last }
report-unknown = نامعلوم
report-made-up = ان میں سے کچھ پیمائشیں ({ $count }) فرضی ہیں: وہ نقلی نمونے سے ہیں، کسی نیٹ ورک سے نہیں۔ اس رپورٹ کو ثبوت کے طور پر استعمال نہ کریں۔

report-question = سوال
report-asked = سوال
report-asked-nothing = ذخیرہ ان پیمائشوں کے بارے میں کیا کہتا ہے؟
report-country = ملک
report-country-all = ذخیرے کے تمام ملک
report-network = نیٹ ورک
report-network-all = ذخیرے کے تمام نیٹ ورک
report-name = میزبان نام
report-name-all = ذخیرے کے تمام ہدف
report-period = پوچھے گئے دن
report-from = { $day } سے
report-before = { $day } سے پہلے
report-period-all = ذخیرے کے تمام دن

report-summary = خلاصہ
report-none = ذخیرے میں اس سوال کا جواب دینے والی کوئی پیمائش نہیں۔ اس سے مداخلت کے ہونے یا نہ ہونے کے بارے میں کچھ معلوم نہیں ہوتا: جہاں کسی نے نہیں ناپا، وہاں کچھ معلوم نہیں۔
report-sum-measured =
    { $first } سے { $last } تک { $networks ->
        [one] { $networks } نیٹ ورک
       *[other] { $networks } نیٹ ورکس
    } میں { $vantages ->
        [one] { $vantages } مقام
       *[other] { $vantages } مقامات
    } سے { $targets ->
        [one] { $targets } ہدف
       *[other] { $targets } اہداف
    } کی { $count ->
        [one] { $count } پیمائش
       *[other] { $count } پیمائشیں
    }۔
report-sum-blocked =
    { $count ->
        [one] { $count } پیمائش
       *[other] { $count } پیمائشوں
    } میں ہدف بند ملا: { $networks ->
        [one] { $networks } نیٹ ورک
       *[other] { $networks } نیٹ ورکس
    } میں { $targets ->
        [one] { $targets } ہدف
       *[other] { $targets } اہداف
    }۔
report-sum-none-blocked = کسی پیمائش میں ہدف بند نہیں ملا۔
report-sum-rest = { $ok } میں ہدف قابلِ رسائی تھا، { $down } میں وہ خود خراب تھا۔
report-sum-insufficient =
    { $count ->
        [one] { $count } پیمائش
       *[other] { $count } پیمائشوں
    } سے کوئی جواب نہیں ملتا ({ $share })۔ وہ نہ بند شمار ہوتی ہیں نہ قابلِ رسائی۔
report-sum-mechanism = سب سے زیادہ یہ طریقہ ملا ({ $count } بار):
report-sum-events =
    { $count ->
        [one] اس سوال کے لیے بندش یا تعطل کے بارے میں { $count } بیان قائم ہے۔
       *[other] اس سوال کے لیے بندشوں اور تعطل کے بارے میں { $count } بیانات قائم ہیں۔
    }
report-sum-no-events = اس سوال کے لیے بندش یا تعطل کے بارے میں کوئی بیان قائم نہیں۔ بیانات `wirewitness events` چلانے سے بنتے ہیں۔
report-sum-few = تین سے کم مقامات نے ناپا۔ ایک دو مقام جو دیکھیں وہ ان کی اپنی لائن کی خرابی ہو سکتی ہے۔

report-timeline = وقت کے ساتھ
report-timeline-says = دن کے حساب سے پیمائشیں، نتیجے کے لحاظ سے
report-timeline-weeks = { $days } دن کے وقفوں میں پیمائشیں، نتیجے کے لحاظ سے
report-timeline-gap = خلا کا مطلب ہے کہ کسی نے نہیں ناپا۔
report-col-days = دن
report-col-blocked = بند
report-col-down = خود خراب
report-col-ok = قابلِ رسائی
report-col-insufficient = ناکافی
report-col-vantages = مقامات
report-col-networks = نیٹ ورکس
report-col-targets = اہداف
report-col-measurements = پیمائشیں

report-networks = نیٹ ورکس
report-networks-says = نیٹ ورک کے لحاظ سے پیمائشیں۔ ایک مقام ایک شخص کی لائن اور آلہ ہے، جہاں تک فرق کیا جا سکے۔ ایک فیصلہ غلط ہو سکتا ہے: بندش کا تھوڑا تناسب غلطی ہو سکتا ہے۔ واقعات میں اسے تولا جاتا ہے۔
report-col-network = نیٹ ورک
report-col-finding = نتیجہ
report-col-witnesses = بندش دیکھنے والے مقامات
report-col-confidence = یقین (کم / درمیانہ / زیادہ)
report-found-blocked = { $share } جوابات میں بند
report-found-rarely = ۱٪ سے کم جوابات میں بند
report-found-ok = بندش نہیں دیکھی گئی
report-found-down = خود خراب
report-found-insufficient = فیصلے کے لیے ناکافی
report-counts = { $vantages } میں سے { $witnesses }
report-more =
    { $count ->
        [one] مزید { $count } نہیں دکھائی گئی۔
       *[other] مزید { $count } نہیں دکھائی گئیں۔
    }

report-targets = اہداف
report-targets-says = ہدف کے لحاظ سے پیمائشیں، زیادہ بند ہونے والے پہلے
report-col-target = ہدف
report-col-networks-blocking = بند کرنے والے نیٹ ورکس

report-mechanisms = طریقہ
report-mechanisms-says = مقام اور ہدف کے بیچ پیمائشوں میں کیا ملا
report-col-mechanism = طریقہ
report-col-meaning = مطلب
report-col-status = فیصلہ

report-events = واقعات
report-events-says = بہت سی پیمائشوں سے بیان کردہ بندشیں اور تعطل۔ اوقات UTC میں ہیں؛ آغاز وہ پہلی پیمائش ہے جو واقعے میں شامل ہے۔
report-col-event = بیان
report-col-when = کب
report-col-what = کیا
report-col-where = کہاں
report-col-evidence = ثبوت
report-event-block = بندش
report-event-shutdown = تعطل
report-event-stated = بیان شدہ
report-event-unconfirmed = غیر مصدقہ: مقامات بہت کم
report-event-standing = پہلی پیمائش سے بند
report-event-lasting = { $start } سے جاری
report-event-over = { $start } تا { $end }
report-event-evidence = { $blocked } بند، { $ok } قابلِ رسائی، { $down } خراب؛ { $vantages } مقامات؛ یقین: { $confidence }
report-and-more = اور مزید { $count }

report-method = طریقۂ کار
report-method-1 = ہر پیمائش ہدف کو استعمال کرنے کی کوشش کرتی ہے اور ہر قدم لکھتی ہے: نام کی تلاش، رابطہ، خفیہ کاری، صفحہ۔ جہاں ممکن ہو، اسی وقت وہی ہدف ایسی جگہ سے بھی آزمایا جاتا ہے جہاں مداخلت نہیں (موازنہ)۔
report-method-2 = پھر ایک قاعدہ فیصلہ دیتا ہے: قابلِ رسائی، خود خراب، بند، یا فیصلے کے لیے ناکافی۔ قاعدے پروگرام کا حصہ ہیں، ان کا ورژن ہوتا ہے، اور وہ ان مشاہدات کا نام لیتے ہیں جن پر وہ قائم ہیں۔ یقین ثبوت کا درجہ ہے، امکان نہیں۔
report-method-3 = بندش اور تعطل کے بیانات کے لیے کئی آزاد مقامات یا وقت کے ساتھ بہت سی پیمائشیں درکار ہیں۔ بعد کے اعداد انہیں بدل سکتے ہیں؛ یہاں صرف قائم بیانات ہیں۔
report-method-4 = ہر فیصلہ محفوظ ریکارڈ سے دوبارہ بنایا جا سکتا ہے: `wirewitness archive rebuild`۔ پیمائشوں کی فہرست ہر ریکارڈ کو اس کے ہیش سے پہچانتی ہے۔
report-rules-says = وہ قاعدے جنہوں نے یہ فیصلے دیے
report-col-rule = قاعدہ
report-col-rule-says = وہ کیا کہتا ہے
report-rule-other = پروگرام کے اس ورژن میں یہ قاعدہ کسی اور ورژن کا ہے، یا نہیں ہے۔
report-data-says = فیصلہ کرنے والے نے کیا استعمال کیا
report-col-judge = فیصلہ کنندہ
report-col-program = پروگرام اور قاعدے
report-col-files = ڈیٹا
report-judge-unknown = ذخیرے کی کوئی فائل نہیں بتاتی کہ یہ نام کیا ہے
report-judge-builtin = وہ ڈیٹا جو پروگرام کے ساتھ آتا ہے
report-origins-says = پیمائشیں کہاں سے آئیں
report-col-origin = ماخذ
report-sources-says = وہ فائلیں جن سے پیمائشیں پڑھی گئیں، ہیش کے ساتھ۔ نام نہیں دیے گئے: وہ بتا سکتے ہیں کہ کس نے جمع کیں۔
report-col-sha256 = SHA-256
report-col-format = شکل
report-col-bytes = بائٹ
report-col-records = ریکارڈ
report-col-refused = ناقابلِ استعمال

report-limits = یہ کیا نہیں بتا سکتا
report-limit-interception = کہ کوئی ٹریفک پڑھتا یا محفوظ کرتا ہے یا نہیں۔ خاموش نگرانی لائن پر کوئی نشان نہیں چھوڑتی؛ یہاں کچھ بھی نہیں دکھا سکتا کہ وہ ہو رہی ہے یا نہیں ہو رہی۔
report-limit-who = کہ بندش کا حکم کس نے دیا اور کیوں۔ پیمائش دکھاتی ہے کہ راستے میں کیا ہوا، یہ نہیں کہ کس نے فیصلہ کیا۔
report-limit-vendor = کہ کس پیداوار نے یہ کیا۔ ملتا جلتا رویہ ثبوت نہیں؛ آخری حصے میں نظاموں کے نام دستاویزات سے ہیں، ان پیمائشوں سے نہیں۔
report-limit-silence = کہ جہاں کسی نے نہیں ناپا، یا دوسرے وقت، دوسری لائنوں پر یا اسی نیٹ ورک کے دوسرے صارفین کے لیے کچھ بند نہیں تھا۔
report-limit-numbers = کہ کتنے لوگ متاثر ہوئے۔ مقامات کم ہیں، اور رضاکار بے ترتیب نمونہ نہیں۔
report-limit-place = کہ راستے میں ٹھیک کس جگہ یہ ہوا، جب تک طریقوں کا جدول نہ بتائے۔
report-cannot-says = یہاں بندش کے فیصلے کن چیزوں میں فرق نہیں کر سکتے، قاعدوں کے الفاظ میں
report-col-cannot = جن سے فرق نہیں کیا جا سکتا

report-list = پیمائشیں
report-list-says = ہر ریکارڈ کے SHA-256 کے پہلے ۱۲۸ بٹ، اس کا دن اور فیصلہ، بند والے پہلے۔ دن کا وقت ذخیرے میں رہتا ہے۔
report-col-hash = ریکارڈ کا ہیش
report-col-day = دن
report-col-sure = یقین

report-systems = نظاموں کے بارے میں کیا درج ہے
report-systems-lims = باہر سے LIMS کا پتا نہیں لگایا جا سکتا۔
report-systems-intro = یہ حصہ پیمائشوں سے نہیں۔ یہ بتاتا ہے کہ عدالتی ریکارڈ، تحقیق اور اخبارات پاکستان کے نظاموں کے بارے میں کیا درج کرتے ہیں، ہر جملے کے ذریعے اور درجے کے ساتھ۔ جہاں ذرائع متفق نہیں، دونوں دیے گئے ہیں۔
report-systems-why = LIMS ٹریفک کو چھوئے بغیر اس کی نقل لیتا ہے۔ صارف کی لائن سے کوئی جانچ نہیں دکھا سکتی کہ وہ موجود ہے، اور نہ یہ کہ وہ موجود نہیں۔ جو اسے پکڑنے کا دعویٰ کرے وہ غلط ہے۔
report-grade = درجہ
report-grade-A = A: جانچی گئی تحقیق، عدالتی ریکارڈ یا بنیادی اعداد
report-grade-B = B: معتبر اخبار یا ادارہ جو بنیادی دستاویزات نقل کرے
report-grade-C = C: صرف ایک ثانوی ذریعہ، یا مجموعہ
report-grade-D = D: سنی سنائی بات یا فورم
report-system-lims = LIMS: قانونی نگرانی کا انتظامی نظام
report-system-wms1 = WMS 1.0: ویب نگرانی کا پہلا نظام
report-system-wms2 = WMS 2.0: ویب نگرانی کا دوسرا نظام
report-col-documented = کیا درج ہے
report-col-source = ذریعہ
report-systems-amnesty = ایمنسٹی کی رپورٹ کے جملے اخبارات کے حوالے سے ہیں؛ خود رپورٹ سے موازنہ نہیں کیا گیا۔ کسی جملے پر انحصار سے پہلے اس سے موازنہ کریں۔

report-colophon = خط: Noto Sans اور Noto Naskh Arabic (SIL Open Font License 1.1)۔
report-page = { $page } / { $pages }
report-skip = خلاصے پر جائیں
report-contents = اس صفحے پر
